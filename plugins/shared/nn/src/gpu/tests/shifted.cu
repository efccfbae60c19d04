// The launcher's test: a matrix plus a number, a box of 64 columns to a block, whose rows come by a bulk copy. The result has all of the
// boxes, what lies behind the matrix's end included.

#include <cuda_bf16.h>

struct alignas(64) Map {
    unsigned long long opaque[16];
};

struct Parameters {
    unsigned long long pitch;
    float added;
};

extern "C" __global__ void __launch_bounds__(THREADS)
    shifted(const __grid_constant__ Map x, __nv_bfloat16* y, const __grid_constant__ Parameters parameters) {
    extern __shared__ __align__(1024) unsigned char shared[];
    const unsigned int box = static_cast<unsigned int>(__cvta_generic_to_shared(shared));
    const unsigned int arrived = box + BOX_ROWS * 128;
    const unsigned int column = blockIdx.x * 64, row = blockIdx.y * BOX_ROWS;
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(arrived) : "memory");
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(arrived), "r"(BOX_ROWS * 128) : "memory");
        asm volatile(
            "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(box),
            "l"(&x), "r"(column), "r"(row), "r"(arrived)
            : "memory");
    }
    __syncthreads();
    unsigned int done = 0;
    while (!done) {
        asm volatile(
            "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], 0; selp.u32 %0, 1, 0, p; }"
            : "=r"(done)
            : "r"(arrived)
            : "memory");
    }
    for (unsigned int at = threadIdx.x; at < BOX_ROWS * 64; at += THREADS) {
        const unsigned int r = at / 64, c = at % 64;
        const unsigned int piece = SWIZZLED ? (c / 8) ^ (r % 8) : c / 8;
        const float value = __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(shared)[r * 64 + piece * 8 + c % 8]);
        y[(row + r) * parameters.pitch + column + c] = __float2bfloat16(value + parameters.added);
    }
}
