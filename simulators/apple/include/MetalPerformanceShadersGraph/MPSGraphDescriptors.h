/* MPSGraphDescriptors.h: attributes of ops, of compilation and of runs. */
#ifndef APPLESIM_MPSGRAPH_DESCRIPTORS_H
#define APPLESIM_MPSGRAPH_DESCRIPTORS_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

typedef NS_ENUM(NSUInteger, MPSGraphTensorNamedDataLayout) {
    MPSGraphTensorNamedDataLayoutNCHW = 0,
    MPSGraphTensorNamedDataLayoutNHWC = 1,
    MPSGraphTensorNamedDataLayoutOIHW = 2,
    MPSGraphTensorNamedDataLayoutHWIO = 3
};

typedef NS_ENUM(NSUInteger, MPSGraphPaddingStyle) {
    MPSGraphPaddingStyleExplicit = 0,
    MPSGraphPaddingStyleTF_VALID = 1,
    MPSGraphPaddingStyleTF_SAME = 2
};

typedef NS_ENUM(NSInteger, MPSGraphPaddingMode) {
    MPSGraphPaddingModeConstant = 0,
    MPSGraphPaddingModeReflect = 1,
    MPSGraphPaddingModeSymmetric = 2,
    MPSGraphPaddingModeClampToEdge = 3,
    MPSGraphPaddingModeZero = 4
};

typedef NS_ENUM(NSUInteger, MPSGraphFFTScalingMode) {
    MPSGraphFFTScalingModeNone = 0,
    MPSGraphFFTScalingModeSize = 1,
    MPSGraphFFTScalingModeUnitary = 2
};

typedef NS_ENUM(uint64_t, MPSGraphOptimization) {
    MPSGraphOptimizationLevel0 = 0,
    MPSGraphOptimizationLevel1 = 1
};

/* The mother of MPSGraph's classes. */
@interface MPSGraphObject : NSObject
@end

@interface MPSGraphConvolution2DOpDescriptor : MPSGraphObject <NSCopying> {
    NSUInteger _strideInX, _strideInY, _dilationRateInX, _dilationRateInY;
    NSUInteger _paddingLeft, _paddingRight, _paddingTop, _paddingBottom, _groups;
    MPSGraphPaddingStyle _paddingStyle;
    MPSGraphTensorNamedDataLayout _dataLayout, _weightsLayout;
}
@property(nonatomic) NSUInteger strideInX;
@property(nonatomic) NSUInteger strideInY;
@property(nonatomic) NSUInteger dilationRateInX;
@property(nonatomic) NSUInteger dilationRateInY;
@property(nonatomic) NSUInteger paddingLeft;
@property(nonatomic) NSUInteger paddingRight;
@property(nonatomic) NSUInteger paddingTop;
@property(nonatomic) NSUInteger paddingBottom;
@property(nonatomic) MPSGraphPaddingStyle paddingStyle;
@property(nonatomic) MPSGraphTensorNamedDataLayout dataLayout;
@property(nonatomic) MPSGraphTensorNamedDataLayout weightsLayout;
@property(nonatomic) NSUInteger groups;
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
                          weightsLayout:(MPSGraphTensorNamedDataLayout)weightsLayout;
+ (instancetype)descriptorWithStrideInX:(NSUInteger)strideInX
                              strideInY:(NSUInteger)strideInY
                        dilationRateInX:(NSUInteger)dilationRateInX
                        dilationRateInY:(NSUInteger)dilationRateInY
                                 groups:(NSUInteger)groups
                           paddingStyle:(MPSGraphPaddingStyle)paddingStyle
                             dataLayout:(MPSGraphTensorNamedDataLayout)dataLayout
                          weightsLayout:(MPSGraphTensorNamedDataLayout)weightsLayout;
- (void)setExplicitPaddingWithPaddingLeft:(NSUInteger)paddingLeft
                             paddingRight:(NSUInteger)paddingRight
                               paddingTop:(NSUInteger)paddingTop
                            paddingBottom:(NSUInteger)paddingBottom;
@end

/* An SDK before that of macOS 14 has none, for a test of what is built with it. */
#ifndef APPLESIM_OLD_SDK
@interface MPSGraphFFTDescriptor : MPSGraphObject <NSCopying> {
    BOOL _inverse, _roundToOddHermitean;
    MPSGraphFFTScalingMode _scalingMode;
}
@property(nonatomic) BOOL inverse;
@property(nonatomic) MPSGraphFFTScalingMode scalingMode;
/* Of a Hermitean-to-real transform of n bins: 2 (n - 1) + 1 samples instead of 2 (n - 1). */
@property(nonatomic) BOOL roundToOddHermitean;
+ (instancetype)descriptor;
@end
#endif

@interface MPSGraphCompilationDescriptor : MPSGraphObject <NSCopying> {
    MPSGraphOptimization _optimizationLevel;
    BOOL _waitForCompilationCompletion, _typesInferred;
}
@property(nonatomic) MPSGraphOptimization optimizationLevel;
@property(nonatomic) BOOL waitForCompilationCompletion;
- (void)disableTypeInference;
@end

/* Called in a thread of MPSGraph's, once what was encoded is done: here a while after that, when
 * the one who waits for the command buffer may have gone on. */
typedef void (^MPSGraphCompletionHandler)(NSDictionary *resultsDictionary, NSError *error);
typedef void (^MPSGraphExecutableCompletionHandler)(NSArray *results, NSError *error);

@interface MPSGraphExecutionDescriptor : MPSGraphObject {
    BOOL _waitUntilCompleted;
    MPSGraphCompletionHandler _completionHandler;
    MPSGraphCompilationDescriptor *_compilationDescriptor;
}
@property(nonatomic) BOOL waitUntilCompleted;
@property(nonatomic, copy) MPSGraphCompletionHandler completionHandler;
@property(nonatomic, copy) MPSGraphCompilationDescriptor *compilationDescriptor;
@end

@interface MPSGraphExecutableExecutionDescriptor : MPSGraphObject <NSCopying> {
    BOOL _waitUntilCompleted;
    MPSGraphExecutableCompletionHandler _completionHandler;
}
@property(nonatomic) BOOL waitUntilCompleted;
@property(nonatomic, copy) MPSGraphExecutableCompletionHandler completionHandler;
@end

#endif
