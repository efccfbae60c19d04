// A stand-in for NVIDIA's libcuda: memory is the host's, kernels are compiled by the real NVRTC and never run, so that every result is arbitrary.
// Allocations, copies, launches and recordings are written to the file that $FAKE_LOG names. See README.md beside this.
// $FAKE_GIB is how much memory the device has, 140 if it is not given; more is refused, as a device refuses it. $FAKE_CAPABILITY is the
// device's compute capability, 90 (9.0) if it is not given.
#define _GNU_SOURCE
#include "cuda.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
static FILE *logf_;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static int capturing;
static long launches;
static void say(const char *f, ...) {
    va_list a;
    const char *p = getenv("FAKE_LOG");
    if (!p)
        return;
    pthread_mutex_lock(&m);
    if (!logf_)
        logf_ = fopen(p, "a");
    va_start(a, f);
    vfprintf(logf_, f, a);
    va_end(a);
    fflush(logf_);
    pthread_mutex_unlock(&m);
}
#define OK return CUDA_SUCCESS
CUresult cuInit(unsigned f) { OK; }
CUresult cuDriverGetVersion(int *v) {
    *v = 13000;
    OK;
}
CUresult cuDeviceGet(CUdevice *d, int i) {
    *d = i;
    OK;
}
CUresult cuDeviceGetCount(int *c) {
    *c = 1;
    OK;
}
CUresult cuDeviceGetName(char *n, int l, CUdevice d) {
    strncpy(n, "Fake H200", l);
    OK;
}
static size_t total(void) {
    const char *gib = getenv("FAKE_GIB");
    return (gib ? strtod(gib, 0) : 140) * (1 << 30);
}
// What is held on the device: freed places are taken again.
static struct {
    CUdeviceptr at;
    size_t size;
} *pieces;
static size_t places, held, peak;
CUresult cuDeviceTotalMem_v2(size_t *b, CUdevice d) {
    *b = total();
    OK;
}
CUresult cuMemGetInfo_v2(size_t *f, size_t *t) {
    *t = total();
    *f = *t - held;
    OK;
}
static int capability(void) {
    const char *cc = getenv("FAKE_CAPABILITY");
    return cc ? atoi(cc) : 90;
}
CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) {
    switch (a) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
        *v = capability() / 10;
        break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
        *v = capability() % 10;
        break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
        *v = 32;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
        *v = 232448;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
        *v = 1024;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:
        *v = 1024;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
        *v = 64;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
        *v = 2147483647;
        break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
        *v = 65535;
        break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
        *v = 132;
        break;
    default:
        *v = 1;
    }
    OK;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) {
    *c = (CUcontext)1;
    OK;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) { OK; }
CUresult cuCtxSetCurrent(CUcontext c) { OK; }
CUresult cuCtxGetCurrent(CUcontext *c) {
    *c = (CUcontext)1;
    OK;
}
CUresult cuCtxGetStreamPriorityRange(int *a, int *b) {
    *a = 0;
    *b = -5;
    OK;
}
CUresult cuCtxSynchronize(void) { OK; }
CUresult cuStreamCreate(CUstream *s, unsigned f) {
    *s = malloc(1);
    OK;
}
CUresult cuStreamCreateWithPriority(CUstream *s, unsigned f, int p) {
    *s = malloc(1);
    OK;
}
CUresult cuStreamDestroy_v2(CUstream s) { OK; }
CUresult cuStreamSynchronize(CUstream s) {
    if (capturing) {
        say("SYNC IN CAPTURE\n");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    OK;
}
CUresult cuStreamWaitEvent(CUstream s, CUevent e, unsigned f) { OK; }
CUresult cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode mo) {
    capturing = 1;
    launches = 0;
    say("capture begins\n");
    OK;
}
CUresult cuStreamEndCapture(CUstream s, CUgraph *g) {
    capturing = 0;
    *g = malloc(1);
    say("capture ends: %ld launches\n", launches);
    OK;
}
CUresult cuGraphDestroy(CUgraph g) { OK; }
CUresult cuGraphExecDestroy(CUgraphExec g) { OK; }
CUresult cuGraphGetNodes(CUgraph g, CUgraphNode *n, size_t *c) {
    *c = 0;
    OK;
}
CUresult cuGraphNodeGetType(CUgraphNode n, CUgraphNodeType *t) {
    *t = 0;
    OK;
}
CUresult cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long f) {
    *e = malloc(1);
    OK;
}
CUresult cuGraphUpload(CUgraphExec e, CUstream s) { OK; }
CUresult cuGraphLaunch(CUgraphExec e, CUstream s) {
    say("graph launch\n");
    OK;
}
CUresult cuEventCreate(CUevent *e, unsigned f) {
    *e = malloc(1);
    OK;
}
CUresult cuEventDestroy_v2(CUevent e) { OK; }
CUresult cuEventRecord(CUevent e, CUstream s) { OK; }
CUresult cuEventSynchronize(CUevent e) {
    if (capturing)
        say("EVENT SYNC IN CAPTURE\n");
    OK;
}
static CUresult grab(CUdeviceptr *p, size_t n, const char *how) {
    if (held + n > total()) {
        say("no room for %zu, held %zu\n", n, held);
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    void *q = mmap(0, n ? n : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (q == MAP_FAILED)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *p = (CUdeviceptr)q;
    pthread_mutex_lock(&m);
    size_t i = 0;
    while (i < places && pieces[i].at)
        i++;
    if (i == places)
        pieces = realloc(pieces, ++places * sizeof *pieces);
    pieces[i].at = *p;
    pieces[i].size = n;
    held += n;
    if (held > peak)
        peak = held;
    pthread_mutex_unlock(&m);
    say("alloc %zu %s%s held %zu peak %zu\n", n, how, capturing ? " IN CAPTURE" : "", held, peak);
    OK;
}
static CUresult release(CUdeviceptr p) {
    size_t n = 0;
    pthread_mutex_lock(&m);
    for (size_t i = 0; i < places; i++)
        if (pieces[i].at == p) {
            n = pieces[i].size;
            pieces[i].at = 0;
            held -= n;
            munmap((void *)p, n ? n : 1);
            break;
        }
    pthread_mutex_unlock(&m);
    say("free %zu held %zu\n", n, held);
    OK;
}
CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t n) { return grab(p, n, "sync"); }
CUresult cuMemAllocAsync(CUdeviceptr *p, size_t n, CUstream s) { return grab(p, n, "async"); }
CUresult cuMemFree_v2(CUdeviceptr p) { return release(p); }
CUresult cuMemFreeAsync(CUdeviceptr p, CUstream s) { return release(p); }
CUresult cuMemAllocHost_v2(void **p, size_t n) {
    *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    say("allochost %zu%s\n", n, capturing ? " IN CAPTURE" : "");
    OK;
}
CUresult cuMemFreeHost(void *p) {
    free(p);
    OK;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *s, size_t n, CUstream t) {
    // Large ones are weights, which nothing here reads: left out, a model takes no more of the machine than it takes of a device.
    if (n < 1 << 20)
        memcpy((void *)d, s, n);
    say("h2d %zu%s\n", n, capturing ? " (captured)" : "");
    OK;
}
CUresult cuMemcpyDtoHAsync_v2(void *d, CUdeviceptr s, size_t n, CUstream t) {
    memcpy(d, (void *)s, n);
    say("d2h %zu%s\n", n, capturing ? " (captured)" : "");
    OK;
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr s, size_t n, CUstream t) {
    memcpy((void *)d, (void *)s, n);
    say("d2d %zu\n", n);
    OK;
}
CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *c, CUstream t) {
    const char *s = c->srcMemoryType == CU_MEMORYTYPE_HOST ? c->srcHost : (char *)c->srcDevice;
    char *d = c->dstMemoryType == CU_MEMORYTYPE_HOST ? c->dstHost : (char *)c->dstDevice;
    for (size_t i = 0; i < c->Height; i++)
        memcpy(d + i * c->dstPitch, s + i * c->srcPitch, c->WidthInBytes);
    say("2d %zu x %zu\n", c->WidthInBytes, c->Height);
    OK;
}
CUresult cuModuleLoadData(CUmodule *mo, const void *image) {
    *mo = (CUmodule)malloc(1);
    const char *e = strstr(image, ".entry ");
    (void)e;
    say("module %zu bytes\n", strlen(image));
    OK;
}
CUresult cuModuleUnload(CUmodule mo) { OK; }
CUresult cuModuleGetFunction(CUfunction *f, CUmodule mo, const char *n) {
    *f = (CUfunction)strdup(n);
    say("function %s\n", n);
    OK;
}
CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) { OK; }
CUresult cuLaunchKernel(CUfunction f, unsigned a, unsigned b, unsigned c, unsigned x, unsigned y, unsigned z, unsigned sh, CUstream s,
                        void **p, void **e) {
    launches++;
    say("launch %s grid %u %u %u block %u %u %u\n", (char *)f, a, b, c, x, y, z);
    if (strstr((char *)f, "attend"))
        say("  args attend keys %p values %p position %p\n", *(void **)p[1], *(void **)p[2], *(void **)p[3]);
    else if (strstr((char *)f, "write_"))
        say("  args %s to %p\n", (char *)f, *(void **)p[1]);
    else if (strstr((char *)f, "advance"))
        say("  args advance position %p tokens %p\n", *(void **)p[0], *(void **)p[1]);
    OK;
}
CUresult cuTensorMapEncodeTiled(CUtensorMap *t, CUtensorMapDataType d, cuuint32_t r, void *p, const cuuint64_t *a, const cuuint64_t *b,
                                const cuuint32_t *c, const cuuint32_t *e, CUtensorMapInterleave i, CUtensorMapSwizzle w,
                                CUtensorMapL2promotion l, CUtensorMapFloatOOBfill o) {
    OK;
}
CUresult cuGetErrorName(CUresult e, const char **s) {
    *s = "fake";
    OK;
}
CUresult cuGetErrorString(CUresult e, const char **s) {
    *s = "fake";
    OK;
}
