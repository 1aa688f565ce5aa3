"""Evaluates an exported network node by node: in NumPy and float64, which is the truth that
precisions are compared with, and in PyTorch, as PyTorch's users would run it."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/export"))
import onnx_reader  # noqa: E402


class Network:
    """`ops` has a function for each ONNX op; `convert` makes its kind of weight from an array."""

    def __init__(self, path, ops, convert):
        model = onnx_reader.read_model(path)
        self.nodes, self.ops, self.metadata = model.nodes, ops, model.metadata
        self.weights = {weight.name: convert(array_of(weight)) for weight in model.weights}
        self.last_use = {name: index for index, node in enumerate(self.nodes)
                         for name in node.inputs}

    def run(self, spectrogram):
        values = {"spectrogram": spectrogram}
        for index, node in enumerate(self.nodes):
            inputs = [self.weights[name] if name in self.weights else values[name]
                      for name in node.inputs]
            values[node.outputs[0]] = getattr(self.ops, node.op)(node.attributes, *inputs)
            del inputs
            for name in node.inputs:  # free what no later node needs
                if self.last_use[name] == index:
                    values.pop(name, None)
        return values["stems"]


def array_of(weight):
    if isinstance(weight.data, list):
        return np.array(weight.data, np.int64)
    return np.frombuffer(weight.data, "<f4").reshape(weight.dims)


def broadcast(vector, value):
    return vector.reshape((1, -1) + (1,) * (value.ndim - 2))


def new_shape(value, dims):
    """As Reshape has it: 0 keeps a dimension."""
    return [value.shape[i] if dim == 0 else int(dim) for i, dim in enumerate(dims)]


class Float64:
    """ONNX's ops in NumPy, for a batch of one."""

    @staticmethod
    def Conv(attributes, x, weight):
        (top, left, bottom, right), stride = attributes["pads"], attributes["strides"]
        padded = np.pad(x[0], ((0, 0), (top, bottom), (left, right)))
        outputs, inputs, kernel_height, kernel_width = weight.shape
        height = (padded.shape[1] - kernel_height) // stride[0] + 1
        width = (padded.shape[2] - kernel_width) // stride[1] + 1
        result = np.zeros((outputs, height * width))
        for i in range(kernel_height):
            for j in range(kernel_width):
                part = padded[:, i:i + stride[0] * (height - 1) + 1:stride[0],
                              j:j + stride[1] * (width - 1) + 1:stride[1]]
                result += weight[:, :, i, j] @ part.reshape(inputs, -1)
        return result.reshape(1, outputs, height, width)

    @staticmethod
    def ConvTranspose(attributes, x, weight):
        """Kernel = stride."""
        stride = attributes["strides"]
        inputs, height, width = x.shape[1:]
        result = np.empty((1, weight.shape[1], height * stride[0], width * stride[1]))
        for i in range(stride[0]):
            for j in range(stride[1]):
                part = weight[:, :, i, j].T @ x[0].reshape(inputs, -1)
                result[0, :, i::stride[0], j::stride[1]] = part.reshape(-1, height, width)
        return result

    @staticmethod
    def MatMul(_, x, weight):
        return (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], -1)

    @staticmethod
    def InstanceNormalization(attributes, x, gain, bias):
        axes = tuple(range(2, x.ndim))
        centred = x - x.mean(axis=axes, keepdims=True)
        variance = np.square(centred).mean(axis=axes, keepdims=True)
        centred *= broadcast(gain, x) / np.sqrt(variance + attributes["epsilon"])
        centred += broadcast(bias, x)
        return centred

    @staticmethod
    def BatchNormalization(attributes, x, gain, bias, mean, variance):
        scale = gain / np.sqrt(variance + attributes["epsilon"])
        return (x - broadcast(mean, x)) * broadcast(scale, x) + broadcast(bias, x)

    @staticmethod
    def Gelu(_, x):
        from scipy.special import erf
        result = erf(x * np.sqrt(0.5))
        result += 1
        result *= x
        result *= 0.5
        return result

    @staticmethod
    def Relu(_, x):
        return np.maximum(x, 0)

    @staticmethod
    def Elu(attributes, x):
        return np.where(x > 0, x, attributes["alpha"] * np.expm1(np.minimum(x, 0)))

    @staticmethod
    def Add(_, a, b):
        return a + b

    @staticmethod
    def Mul(_, a, b):
        return a * b

    @staticmethod
    def Concat(attributes, *parts):
        return np.concatenate(parts, axis=attributes["axis"])

    @staticmethod
    def Transpose(attributes, x):
        return np.ascontiguousarray(x.transpose(attributes["perm"]))

    @staticmethod
    def Reshape(_, x, dims):
        return x.reshape(new_shape(x, dims))


def float64_network(path):
    def convert(array):
        return array.astype(np.float64) if array.dtype == np.float32 else array
    return Network(path, Float64, convert)


def torch_network(path, torch, dtype):
    """PyTorch's eager mode."""
    functional = torch.nn.functional

    class Torch:
        @staticmethod
        def Conv(attributes, x, weight):
            return functional.conv2d(x, weight, stride=attributes["strides"],
                                     padding=attributes["pads"][:2])

        @staticmethod
        def ConvTranspose(attributes, x, weight):
            return functional.conv_transpose2d(x, weight, stride=attributes["strides"])

        @staticmethod
        def MatMul(_, x, weight):
            return functional.linear(x, weight.T)

        @staticmethod
        def InstanceNormalization(attributes, x, gain, bias):
            return functional.instance_norm(x, weight=gain, bias=bias, eps=attributes["epsilon"])

        @staticmethod
        def BatchNormalization(attributes, x, gain, bias, mean, variance):
            return functional.batch_norm(x, mean, variance, gain, bias, eps=attributes["epsilon"])

        @staticmethod
        def Gelu(_, x):
            return functional.gelu(x)

        @staticmethod
        def Relu(_, x):
            return functional.relu(x)

        @staticmethod
        def Elu(attributes, x):
            return functional.elu(x, attributes["alpha"])

        @staticmethod
        def Add(_, a, b):
            return a + b

        @staticmethod
        def Mul(_, a, b):
            return a * b

        @staticmethod
        def Concat(attributes, *parts):
            return torch.cat(parts, dim=attributes["axis"])

        @staticmethod
        def Transpose(attributes, x):
            return x.permute(attributes["perm"]).contiguous()

        @staticmethod
        def Reshape(_, x, dims):
            return x.reshape(new_shape(x, dims))

    def convert(array):
        if array.dtype != np.float32:
            return array
        return torch.from_numpy(array.copy()).to(dtype)
    return Network(path, Torch, convert)
