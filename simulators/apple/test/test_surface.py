"""check_surface.py finds what a Mac does not have, and nothing in what it has."""

import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import check_surface  # noqa: E402

GRAPH = "MetalPerformanceShadersGraph/MPSGraph.h"
SHADERS = "MetalPerformanceShaders/MetalPerformanceShaders.h"
WRONG = [  # header, what it says, what it is made to say
    ("Metal/Metal.h", "ErrorOutOfMemory = 8", "ErrorOutOfMemory = 9"),
    ("Metal/Metal.h", "MTLResourceStorageModePrivate = 2 << 4", "MTLResourceStorageModePrivate = 2"),
    (SHADERS, "MPSDataTypeInvalid = 0,", "MPSDataTypeInvalid = 0, MPSDataTypeFloat24 = 24,"),
    (SHADERS, "@interface MPSNDArray", "@interface MPSFantasy : NSObject\n@end\n@interface MPSNDArray"),
    (GRAPH, "axis:(NSInteger)axis", "axis:(NSUInteger)axis"),
    (GRAPH, "@interface MPSGraph (ShapeOps)", "@interface MPSGraph (ShapeOps)\n- (void)fold:(int)x;"),
]
SOURCE = """#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>
static void use(MPSGraph *graph, MPSGraphTensor *tensor, id anything, id<MTLBuffer> buffer) {
    [graph reLUWithTensor:tensor name:nil];
    [anything reLUWithTensor:tensor name:@"x"];
    [[buffer device] newCommandQueue];
    [buffer retain];
    NSUInteger count = [[tensor shape] count] + tensor.shape.count;
    if ([MPSGraph instancesRespondToSelector:@selector(erfWithTensor:name:)] && count > 0)
        [graph castTensor:tensor toType:MPSDataTypeFloat16 name:nil];
    %s
}
int main(void) {
    use(nil, nil, nil, nil);
    return 0;
}
"""


class Surface(unittest.TestCase):
    """Each on a small source of its own."""

    def findings(self, statement, wrong=()):
        with tempfile.TemporaryDirectory() as folder:
            headers = pathlib.Path(folder, "include")
            shutil.copytree(HERE.parent / "include", headers)
            for name, said, says in wrong:
                text = (headers / name).read_text(encoding="utf-8")
                self.assertIn(said, text)
                (headers / name).write_text(text.replace(said, says, 1), encoding="utf-8")
            source = pathlib.Path(folder, "source.m")
            source.write_text(SOURCE % statement, encoding="utf-8")
            return "\n".join(check_surface.check([source], [], headers))

    def test_what_a_mac_has(self):
        self.assertEqual(self.findings(""), "")

    def test_wrong_headers(self):
        found = self.findings("[graph fold:1]; [anything fold:2]; (void)MPSDataTypeFloat24;", WRONG)
        for text in ("Metal.h:", "MTLCommandBufferErrorOutOfMemory is 9, and 8 on a Mac",
                     "MTLResourceStorageModePrivate is 2, and 32 on a Mac",
                     "a Mac has no MPSDataTypeFloat24", "a Mac has no MPSFantasy",
                     "-[MPSGraph reductionSumWithTensor:axis:name:]: 'NSUInteger' is 'NSInteger'",
                     "MPSGraph.h:", "a Mac has no -[MPSGraph fold:]", "source.m:10: a Mac has no",
                     "source.m:10: a Mac knows no method fold:"):
            self.assertIn(text, found)

    def test_selectors_by_name(self):
        found = self.findings("[graph respondsToSelector:@selector(foldTensor:)];")
        self.assertIn("source.m:10: a Mac knows no method foldTensor:", found)

    def test_methods_of_other_classes(self):
        found = self.findings("[graph contents];")
        self.assertIn("source.m:10: a Mac has no -[MPSGraph contents]", found)

    def test_classes_that_are_not_there(self):
        self.assertIn("MPSGraphFantasy", self.findings("[MPSGraphFantasy new];"))


if __name__ == "__main__":
    unittest.main()
