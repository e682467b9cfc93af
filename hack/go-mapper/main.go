// SPDX-License-Identifier: Apache-2.0

// A mapper on the real grpc-go stack, for tests: it registers, takes devices, and reports back what is desired of
// each property as its value. It knows the interface from the .proto file alone, which it reads as it starts.
//
// What it is told it prints, one line of JSON each.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	// So that an Any of these can be printed.
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

var (
	protoFile = flag.String("proto", "", "api.proto; the agent is asked for it where there is none")
	agent     = flag.String("agent", "", "socket of the agent")
	socket    = flag.String("socket", "", "socket of this mapper")
	name      = flag.String("name", "go-mapper", "name of this mapper")
	protocol  = flag.String("protocol", "thermo", "protocol that it serves")
	dial      = flag.String("dial", "path", "how the agent is dialled: path, as mappers with a dialler of their own do, or unix, by grpc-go itself")
	token     = flag.String("token", "", "sent with each call")
	period    = flag.Duration("period", 100*time.Millisecond, "between two reports")
)

// A value of JSON.
type object = map[string]any

func say(event string, details any) {
	line, err := json.Marshal(object{"event": event, "details": details})
	if err == nil {
		fmt.Println(string(line))
	}
}

func fail(err error) {
	say("failed", err.Error())
	os.Exit(1)
}

// mapper holds what it was told, by namespace/name.
type mapper struct {
	mutex   sync.Mutex
	devices map[string]object
	models  map[string]object
	manager protoreflect.ServiceDescriptor
	conn    *grpc.ClientConn
}

func toObject(message proto.Message) object {
	bytes, err := protojson.Marshal(message)
	if err != nil {
		return object{"unreadable": err.Error()}
	}
	var value object
	_ = json.Unmarshal(bytes, &value)
	return value
}

func text(from object, field string) string {
	value, _ := from[field].(string)
	return value
}

func child(from object, field string) object {
	value, _ := from[field].(object)
	return value
}

func children(from object, field string) []object {
	list, _ := from[field].([]any)
	all := make([]object, 0, len(list))
	for _, item := range list {
		if one, ok := item.(object); ok {
			all = append(all, one)
		}
	}
	return all
}

func keyOf(item object) string { return text(item, "namespace") + "/" + text(item, "name") }

// handle does what the agent asks; the answer is in the form of JSON.
func (m *mapper) handle(method string, request object) (object, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	device, model := child(request, "device"), child(request, "model")
	switch method {
	case "RegisterDevice", "UpdateDevice":
		m.devices[keyOf(device)] = device
		if method == "UpdateDevice" {
			return object{}, nil
		}
		return object{"deviceName": text(device, "name"), "deviceNamespace": text(device, "namespace")}, nil
	case "CreateDeviceModel", "UpdateDeviceModel":
		m.models[keyOf(model)] = model
		if method == "UpdateDeviceModel" {
			return object{}, nil
		}
		return object{"deviceModelName": text(model, "name"), "deviceModelNamespace": text(model, "namespace")}, nil
	case "RemoveDevice":
		delete(m.devices, text(request, "deviceNamespace")+"/"+text(request, "deviceName"))
	case "RemoveDeviceModel":
		delete(m.models, text(request, "modelNamespace")+"/"+text(request, "modelName"))
	case "GetDevice":
		found := m.devices[text(request, "deviceNamespace")+"/"+text(request, "deviceName")]
		if found == nil {
			return nil, status.Error(codes.NotFound, "no such device")
		}
		return object{"device": found}, nil
	}
	return object{}, nil
}

// serve answers the calls of DeviceMapperService.
func (m *mapper) serve(service protoreflect.ServiceDescriptor) error {
	desc := grpc.ServiceDesc{ServiceName: string(service.FullName()), HandlerType: (*any)(nil)}
	for i := 0; i < service.Methods().Len(); i++ {
		method := service.Methods().Get(i)
		handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := dynamicpb.NewMessage(method.Input())
			if err := decode(request); err != nil {
				return nil, err
			}
			asked := toObject(request)
			answer, err := m.handle(string(method.Name()), asked)
			say(string(method.Name()), asked)
			if err != nil {
				return nil, err
			}
			return toMessage(method.Output(), answer)
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: string(method.Name()), Handler: handler})
	}
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(&desc, m)
	go func() { fail(server.Serve(listener)) }()
	return nil
}

func toMessage(desc protoreflect.MessageDescriptor, value object) (proto.Message, error) {
	bytes, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	message := dynamicpb.NewMessage(desc)
	return message, protojson.Unmarshal(bytes, message)
}

// call asks the agent.
func (m *mapper) call(method string, value object) (object, error) {
	desc := m.manager.Methods().ByName(protoreflect.Name(method))
	request, err := toMessage(desc.Input(), value)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if *token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+*token)
	}
	response := dynamicpb.NewMessage(desc.Output())
	path := fmt.Sprintf("/%s/%s", m.manager.FullName(), method)
	if err := m.conn.Invoke(ctx, path, request, response); err != nil {
		return nil, err
	}
	return toObject(response), nil
}

func (m *mapper) register() error {
	info := object{
		"name": *name, "version": "v1", "apiVersion": "v1beta1", "protocol": *protocol, "state": "OK",
		"address": []byte(*socket),
	}
	answer, err := m.call("MapperRegister", object{"withData": true, "mapper": info})
	if err != nil {
		return err
	}
	m.mutex.Lock()
	for _, model := range children(answer, "modelList") {
		m.models[keyOf(model)] = model
	}
	for _, device := range children(answer, "deviceList") {
		m.devices[keyOf(device)] = device
	}
	m.mutex.Unlock()
	say("registered", answer)
	return nil
}

// reportAll tells the state of each device, and of each property the value that is desired.
func (m *mapper) reportAll() {
	m.mutex.Lock()
	held := make([]object, 0, len(m.devices))
	for _, device := range m.devices {
		held = append(held, device)
	}
	m.mutex.Unlock()
	for _, device := range held {
		twins := []object{}
		for _, property := range children(child(device, "spec"), "properties") {
			value := text(child(property, "desired"), "value")
			stamp := object{"timestamp": fmt.Sprint(time.Now().UnixMilli()), "type": "string"}
			twins = append(twins, object{
				"propertyName":    text(property, "name"),
				"observedDesired": object{"value": value, "metadata": stamp},
				"reported":        object{"value": value, "metadata": stamp},
			})
		}
		of := object{"deviceName": text(device, "name"), "deviceNamespace": text(device, "namespace")}
		of["reportedDevice"] = object{"twins": twins}
		if _, err := m.call("ReportDeviceStatus", of); err != nil {
			say("refused", err.Error())
		}
		delete(of, "reportedDevice")
		of["state"] = "ok"
		if _, err := m.call("ReportDeviceStates", of); err != nil {
			say("refused", err.Error())
		}
	}
}

func connect() (*grpc.ClientConn, error) {
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	if *dial == "unix" {
		return grpc.Dial("unix://"+*agent, plain)
	}
	dialler := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", address)
	}
	return grpc.Dial(*agent, plain, grpc.WithContextDialer(dialler))
}

// services of the interface, as the agent's reflection tells them.
func servicesByReflection(conn *grpc.ClientConn) (protoreflect.ServiceDescriptors, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	stream, err := reflection.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	ask := func(request *reflection.ServerReflectionRequest) (*reflection.ServerReflectionResponse, error) {
		if err := stream.Send(request); err != nil {
			return nil, err
		}
		return stream.Recv()
	}
	listed, err := ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_ListServices{ListServices: "*"},
	})
	if err != nil {
		return nil, err
	}
	say("services", toObject(listed)["listServicesResponse"])
	told, err := ask(&reflection.ServerReflectionRequest{
		MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{
			FileContainingSymbol: "v1beta1.DeviceManagerService",
		},
	})
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, bytes := range told.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(bytes, file); err != nil {
			return nil, err
		}
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	found, err := files.FindDescriptorByName("v1beta1.DeviceManagerService")
	if err != nil {
		return nil, err
	}
	return found.ParentFile().Services(), nil
}

func servicesOf(conn *grpc.ClientConn) (protoreflect.ServiceDescriptors, error) {
	if *protoFile == "" {
		return servicesByReflection(conn)
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{filepath.Dir(*protoFile)}}),
	}
	files, err := compiler.Compile(context.Background(), filepath.Base(*protoFile))
	if err != nil {
		return nil, err
	}
	return files[0].Services(), nil
}

func main() {
	flag.Parse()
	conn, err := connect()
	if err != nil {
		fail(err)
	}
	services, err := servicesOf(conn)
	if err != nil {
		fail(err)
	}
	m := &mapper{devices: map[string]object{}, models: map[string]object{}, conn: conn}
	m.manager = services.ByName("DeviceManagerService")
	if err := m.serve(services.ByName("DeviceMapperService")); err != nil {
		fail(err)
	}
	if err := m.register(); err != nil {
		fail(err)
	}
	for range time.Tick(*period) {
		m.reportAll()
	}
}
