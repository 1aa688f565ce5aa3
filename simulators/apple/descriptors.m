/* descriptors.m: attributes, kept as they are given. */
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <Block.h>

@implementation MPSGraphConvolution2DOpDescriptor

@synthesize strideInX = _strideInX;
@synthesize strideInY = _strideInY;
@synthesize dilationRateInX = _dilationRateInX;
@synthesize dilationRateInY = _dilationRateInY;
@synthesize paddingLeft = _paddingLeft;
@synthesize paddingRight = _paddingRight;
@synthesize paddingTop = _paddingTop;
@synthesize paddingBottom = _paddingBottom;
@synthesize paddingStyle = _paddingStyle;
@synthesize dataLayout = _dataLayout;
@synthesize weightsLayout = _weightsLayout;
@synthesize groups = _groups;

+ (instancetype)descriptorWithStrideInX:(NSUInteger)strideInX
                              strideInY:(NSUInteger)strideInY
                        dilationRateInX:(NSUInteger)dilationRateInX
                        dilationRateInY:(NSUInteger)dilationRateInY
                                 groups:(NSUInteger)groups
                            paddingLeft:(NSUInteger)paddingLeft
                           paddingRight:(NSUInteger)paddingRight
                             paddingTop:(NSUInteger)paddingTop
                          paddingBottom:(NSUInteger)paddingBottom
                           paddingStyle:(MPSGraphPaddingStyle)paddingStyle
                             dataLayout:(MPSGraphTensorNamedDataLayout)dataLayout
                          weightsLayout:(MPSGraphTensorNamedDataLayout)weightsLayout {
    MPSGraphConvolution2DOpDescriptor *made = [self descriptorWithStrideInX:strideInX
                                                                  strideInY:strideInY
                                                            dilationRateInX:dilationRateInX
                                                            dilationRateInY:dilationRateInY
                                                                     groups:groups
                                                               paddingStyle:paddingStyle
                                                                 dataLayout:dataLayout
                                                              weightsLayout:weightsLayout];
    [made setExplicitPaddingWithPaddingLeft:paddingLeft
                               paddingRight:paddingRight
                                 paddingTop:paddingTop
                              paddingBottom:paddingBottom];
    return made;
}

+ (instancetype)descriptorWithStrideInX:(NSUInteger)strideInX
                              strideInY:(NSUInteger)strideInY
                        dilationRateInX:(NSUInteger)dilationRateInX
                        dilationRateInY:(NSUInteger)dilationRateInY
                                 groups:(NSUInteger)groups
                           paddingStyle:(MPSGraphPaddingStyle)paddingStyle
                             dataLayout:(MPSGraphTensorNamedDataLayout)dataLayout
                          weightsLayout:(MPSGraphTensorNamedDataLayout)weightsLayout {
    MPSGraphConvolution2DOpDescriptor *made = [[[self alloc] init] autorelease];
    made->_strideInX = strideInX;
    made->_strideInY = strideInY;
    made->_dilationRateInX = dilationRateInX;
    made->_dilationRateInY = dilationRateInY;
    made->_groups = groups;
    made->_paddingStyle = paddingStyle;
    made->_dataLayout = dataLayout;
    made->_weightsLayout = weightsLayout;
    return made;
}

- (instancetype)init {
    self = [super init];
    if (self)
        _strideInX = _strideInY = _dilationRateInX = _dilationRateInY = _groups = 1;
    return self;
}

- (void)setExplicitPaddingWithPaddingLeft:(NSUInteger)paddingLeft
                             paddingRight:(NSUInteger)paddingRight
                               paddingTop:(NSUInteger)paddingTop
                            paddingBottom:(NSUInteger)paddingBottom {
    _paddingLeft = paddingLeft;
    _paddingRight = paddingRight;
    _paddingTop = paddingTop;
    _paddingBottom = paddingBottom;
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    return [[MPSGraphConvolution2DOpDescriptor descriptorWithStrideInX:_strideInX
                                                             strideInY:_strideInY
                                                       dilationRateInX:_dilationRateInX
                                                       dilationRateInY:_dilationRateInY
                                                                groups:_groups
                                                           paddingLeft:_paddingLeft
                                                          paddingRight:_paddingRight
                                                            paddingTop:_paddingTop
                                                         paddingBottom:_paddingBottom
                                                          paddingStyle:_paddingStyle
                                                            dataLayout:_dataLayout
                                                         weightsLayout:_weightsLayout] retain];
}

@end

@implementation MPSGraphFFTDescriptor

@synthesize inverse = _inverse;
@synthesize scalingMode = _scalingMode;
@synthesize roundToOddHermitean = _roundToOddHermitean;

+ (instancetype)descriptor {
    return [[[self alloc] init] autorelease];
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    MPSGraphFFTDescriptor *copy = [[MPSGraphFFTDescriptor alloc] init];
    copy->_inverse = _inverse;
    copy->_scalingMode = _scalingMode;
    copy->_roundToOddHermitean = _roundToOddHermitean;
    return copy;
}

@end

@implementation MPSGraphCompilationDescriptor

@synthesize optimizationLevel = _optimizationLevel;
@synthesize waitForCompilationCompletion = _waitForCompilationCompletion;

- (void)disableTypeInference {
    _typesInferred = NO;
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    MPSGraphCompilationDescriptor *copy = [[MPSGraphCompilationDescriptor alloc] init];
    copy->_optimizationLevel = _optimizationLevel;
    copy->_waitForCompilationCompletion = _waitForCompilationCompletion;
    copy->_typesInferred = _typesInferred;
    return copy;
}

@end

@implementation MPSGraphExecutionDescriptor

@synthesize waitUntilCompleted = _waitUntilCompleted;
@synthesize compilationDescriptor = _compilationDescriptor;

- (MPSGraphCompletionHandler)completionHandler {
    return _completionHandler;
}

/* Blocks are no objects to GCC's run-time: nothing of its own would copy them. */
- (void)setCompletionHandler:(MPSGraphCompletionHandler)completionHandler {
    MPSGraphCompletionHandler copy = completionHandler ? Block_copy(completionHandler) : NULL;
    if (_completionHandler)
        Block_release(_completionHandler);
    _completionHandler = copy;
}

- (void)dealloc {
    [self setCompletionHandler:NULL];
    [_compilationDescriptor release];
    [super dealloc];
}

@end

@implementation MPSGraphExecutableExecutionDescriptor

@synthesize waitUntilCompleted = _waitUntilCompleted;

- (MPSGraphExecutableCompletionHandler)completionHandler {
    return _completionHandler;
}

- (void)setCompletionHandler:(MPSGraphExecutableCompletionHandler)completionHandler {
    MPSGraphExecutableCompletionHandler copy =
        completionHandler ? Block_copy(completionHandler) : NULL;
    if (_completionHandler)
        Block_release(_completionHandler);
    _completionHandler = copy;
}

- (void)dealloc {
    [self setCompletionHandler:NULL];
    [super dealloc];
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    MPSGraphExecutableExecutionDescriptor *copy =
        [[MPSGraphExecutableExecutionDescriptor alloc] init];
    copy->_waitUntilCompleted = _waitUntilCompleted;
    [copy setCompletionHandler:_completionHandler];
    return copy;
}

@end
