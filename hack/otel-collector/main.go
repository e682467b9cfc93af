// SPDX-License-Identifier: Apache-2.0
// An OpenTelemetry collector of few parts, for tests: it takes OTLP, may ask for a user, and appends each request that
// it took to a file, as a line of JSON.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"log"
	"os"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
)

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otel-collector", Version: "test"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				DefaultScheme:     "file",
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			},
		},
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}

func factories() (otelcol.Factories, error) {
	otlp, user, lines := otlpreceiver.NewFactory(), userFactory(), linesFactory()
	return otelcol.Factories{
		// Of itself it tells only why it does not start.
		Telemetry:  telemetry.NewFactory(func() component.Config { return &struct{}{} }),
		Receivers:  map[component.Type]receiver.Factory{otlp.Type(): otlp},
		Extensions: map[component.Type]extension.Factory{user.Type(): user},
		Exporters:  map[component.Type]exporter.Factory{lines.Type(): lines},
	}, nil
}

// --- lines: each request is in the file before it is answered.

type linesConfig struct {
	Path string `mapstructure:"path"`
}

type linesExporter struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Metrics
}

func linesFactory() exporter.Factory {
	create := func(_ context.Context, _ exporter.Settings, config component.Config) (exporter.Metrics, error) {
		file, err := os.OpenFile(config.(*linesConfig).Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		marshaler := &pmetric.JSONMarshaler{}
		metrics, err := consumer.NewMetrics(func(_ context.Context, taken pmetric.Metrics) error {
			line, err := marshaler.MarshalMetrics(taken)
			if err == nil {
				_, err = file.Write(append(line, '\n'))
			}
			return err
		})
		return &linesExporter{Metrics: metrics}, err
	}
	return exporter.NewFactory(
		component.MustNewType("lines"),
		func() component.Config { return &linesConfig{} },
		exporter.WithMetrics(create, component.StabilityLevelDevelopment),
	)
}

// --- user: one name and password by HTTP Basic.

type userConfig struct {
	Name     string `mapstructure:"name"`
	Password string `mapstructure:"password"`
}

type userExtension struct {
	component.StartFunc
	component.ShutdownFunc
	extensionauth.ServerAuthenticateFunc
}

var _ extensionauth.Server = &userExtension{}

func userFactory() extension.Factory {
	create := func(_ context.Context, _ extension.Settings, config component.Config) (extension.Extension, error) {
		user := config.(*userConfig)
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Name+":"+user.Password))
		check := func(ctx context.Context, headers map[string][]string) (context.Context, error) {
			for name, values := range headers {
				if strings.EqualFold(name, "authorization") && len(values) == 1 && values[0] == want {
					return ctx, nil
				}
			}
			return ctx, errors.New("not this user")
		}
		return &userExtension{ServerAuthenticateFunc: check}, nil
	}
	return extension.NewFactory(
		component.MustNewType("user"),
		func() component.Config { return &userConfig{} },
		create,
		component.StabilityLevelDevelopment,
	)
}
