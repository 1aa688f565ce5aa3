"""ONNX files as far as the tests look into them: Protocol Buffers' wire format, read with the
standard library alone and independently of how src/export writes it."""
import collections
import struct

Node = collections.namedtuple("Node", "op name inputs outputs attributes")
Weight = collections.namedtuple("Weight", "name kind dims data")
Value = collections.namedtuple("Value", "name kind dims")
Model = collections.namedtuple("Model", "ir_version producer opsets name nodes weights inputs "
                               "outputs metadata")


def fields(data):
    """{field number: list of values}: int, 4 bytes, 8 bytes, or a memoryview. Every byte counts."""
    found = collections.defaultdict(list)
    position = 0
    while position < len(data):
        key, position = varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = varint(data, position)
        elif wire == 2:
            size, position = varint(data, position)
            value = data[position:position + size]
            position += size
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value = bytes(data[position:position + size])
            position += size
        else:
            raise ValueError("wire type %d" % wire)
        if position > len(data):
            raise ValueError("field %d runs over the end" % number)
        found[number].append(value)
    return found


def varint(data, position):
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def text(values):
    return bytes(values[0]).decode("utf-8") if values else ""


def read_attribute(data):
    found = fields(data)
    kind = found[20][0]
    if kind == 1:
        return text(found[1]), struct.unpack("<f", found[2][0])[0]
    if kind == 2:
        return text(found[1]), found[3][0]
    if kind == 7:
        return text(found[1]), tuple(found[8])
    raise ValueError("attribute type %d" % kind)


def read_node(data):
    found = fields(data)
    return Node(text(found[4]), text(found[3]), [text([x]) for x in found[1]],
                [text([x]) for x in found[2]], dict(read_attribute(x) for x in found[5]))


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def read_weight(data):
    """Of data: bytes for floats, a list for integers."""
    found = fields(data)
    kind = found[2][0]
    if kind == 7:
        values = [signed(x) for x in found[7]]
    else:
        values = bytes(found[9][0]) if found[9] else b"".join(found[4])
    return Weight(text(found[8]), kind, tuple(found[1]), values)


def read_value(data):
    found = fields(data)
    tensor = fields(fields(found[2][0])[1][0])
    dims = []
    for item in fields(tensor[2][0])[1]:
        dim = fields(item)
        dims.append(dim[1][0] if dim[1] else text(dim[2]))
    return Value(text(found[1]), tensor[1][0], tuple(dims))


def read_model(path):
    with open(path, "rb") as file:
        found = fields(memoryview(file.read()))
    graph = fields(found[7][0])
    opsets = {text(fields(x)[1]): fields(x)[2][0] for x in found[8]}
    metadata = {text(fields(x)[1]): text(fields(x)[2]) for x in found[14]}
    return Model(found[1][0], text(found[2]), opsets, text(graph[2]),
                 [read_node(x) for x in graph[1]], [read_weight(x) for x in graph[5]],
                 [read_value(x) for x in graph[11]], [read_value(x) for x in graph[12]], metadata)
