"""A worker of compare.py: one of the engines that cleave is compared with.

    engine.py ENGINE NETWORK INPUT.npy OUTPUT.npy THREADS PRECISION

NETWORK is an exported file; of a Roformer in PyTorch, its checkpoint.
Loads the network, runs it once, writes its output, prints "ready VERSION", and then runs it again
for every line "run" on standard input and prints the seconds that it took. An engine that cannot do
this prints "absent WHY". Only the network is timed, from a spectrogram in memory to another one.
"""
import sys
import time


class Absent(Exception):
    pass


def load_onnxruntime(path, threads, precision, _shape):
    import onnxruntime
    if precision != "f32":
        raise Absent("its CPU provider has no %s convolutions" % precision)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return onnxruntime.__version__, lambda x: session.run(["stems"], {"spectrogram": x})[0]


def load_openvino(path, threads, precision, shape):
    import openvino
    core = openvino.Core()
    if precision.upper() not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") and \
            precision != "f32":
        raise Absent("it has no %s on this processor" % precision)
    model = core.read_model(path)
    model.reshape(list(shape))
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
    request = compiled.create_infer_request()

    def run(x):
        request.infer([x], share_inputs=True)
        return request.get_output_tensor().data
    return openvino.__version__.split("-")[0], run


def check_pytorch(torch, precision):
    if precision == "bf16" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise Absent("it has no bf16 on this processor")
    if precision not in ("f32", "bf16"):
        raise Absent("%s is not fast on a CPU" % precision)


def roformer_in_pytorch(path, torch, precision, is_compiled):
    """In bf16 under autocast, as such networks are run."""
    from roformer_network import load_network
    network = load_network(path)
    network = torch.compile(network) if is_compiled else network

    def run(x):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return network(x)
    return run


def exported_in_pytorch(path, torch, precision):
    from network import torch_network
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    network = torch_network(path, torch, dtype)
    return lambda x: network.run(x.to(dtype))


def load_pytorch(path, threads, precision, _shape, is_compiled=False):
    import torch
    torch.set_num_threads(threads)
    check_pytorch(torch, precision)
    network = exported_in_pytorch(path, torch, precision) if path.endswith(".onnx") else \
        roformer_in_pytorch(path, torch, precision, is_compiled)

    def run(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x)).to(torch.float32).numpy()
    return torch.__version__, run


def load_compiled(path, threads, precision, shape):
    return load_pytorch(path, threads, precision, shape, is_compiled=True)


LOADERS = {"onnxruntime": load_onnxruntime, "openvino": load_openvino, "pytorch": load_pytorch,
           "compiled": load_compiled}


def serve(run, spectrogram):
    for line in sys.stdin:
        if line != "run\n":
            return
        begin = time.perf_counter()
        run(spectrogram)
        print("%.6f" % (time.perf_counter() - begin), flush=True)


def main():
    name, network, input_path, output_path, threads, precision = sys.argv[1:]
    try:
        import numpy
        spectrogram = numpy.load(input_path)
        version, run = LOADERS[name](network, int(threads), precision, spectrogram.shape)
    except (ImportError, OSError, Absent) as why:
        print("absent %s" % str(why).splitlines()[0], flush=True)
        return
    output = run(spectrogram)
    print("ready %s" % version, flush=True)
    numpy.save(output_path, output)
    serve(run, spectrogram)


if __name__ == "__main__":
    main()
