# SPDX-License-Identifier: Apache-2.0
# Modbus slaves by pymodbus: modbus_slave.py '{"tcp": true, "units": [1, 2]}' or '{"serial": "/dev/pts/3", ...}'
# One JSON command a line on stdin, one JSON answer a line on stdout; the first line tells the port.
import asyncio
import json
import sys
import time

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer

SIZE = 256
CODES = {"CoilRegister": 1, "DiscreteInputRegister": 2, "HoldingRegister": 3, "InputRegister": 4}
args = json.loads(sys.argv[1])


def block():
    return ModbusSequentialDataBlock(0, [0] * SIZE)


def slave():
    return ModbusSlaveContext(di=block(), co=block(), hr=block(), ir=block(), zero_mode=True)


slaves = {unit: slave() for unit in args["units"]}
delays = []  # seconds before each of the next answers
requests = []


def on_response(response):
    requests.append(response.unit_id)
    if delays:
        time.sleep(delays.pop(0))
    return response, False


def answer(command):
    op = command["op"]
    if op == "delay":
        delays.extend(command["seconds"])
        return None
    if op == "requests":
        return requests
    context, code, offset = slaves[command["unit"]], CODES[command["table"]], command["offset"]
    if op == "set":
        context.setValues(code, offset, command["values"])
        return None
    return [int(value) for value in context.getValues(code, offset, command["count"])]


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main():
    context = ModbusServerContext(slaves=slaves, single=False)
    options = {"ignore_missing_slaves": True, "response_manipulator": on_response}
    if "serial" in args:
        server = ModbusSerialServer(context, port=args["serial"], baudrate=19200, **options)
        await server.start()
        serving = asyncio.create_task(server.serve_forever())
        say({"port": 0})
    else:
        address = ("127.0.0.1", args.get("port", 0))
        server = ModbusTcpServer(context, address=address, allow_reuse_address=True, **options)
        serving = asyncio.create_task(server.serve_forever())
        await server.serving
        say({"port": server.server.sockets[0].getsockname()[1]})
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        say({"value": answer(json.loads(line))})
    serving.cancel()


asyncio.run(main())
