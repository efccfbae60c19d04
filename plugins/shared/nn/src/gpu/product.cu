// Matrix products on Hopper's tensor cores, y = x·Wᵀ (or x·W) with what follows it: the instruction wgmma, which CubeCL does not have.
// Tiles come in by bulk copies (TMA) into a ring of stages that one warp keeps full while two warpgroups multiply.
//
// `wide` is for many rows: blocks stay and walk over the tiles, two of a cluster share the weights' tile. `narrow` is for few: the
// blocks of a cluster share the inputs of one tile and add up what each has.
//
// Defines: WIDE (which of the two), OUTPUTS of a tile (128, 256), ROWS of a tile (64, 128), STAGES, SHARE (blocks of a cluster), TURNED_W
// (x·W, weights `[inputs, outputs]`), BIASED, ADDED, ACTIVATION (0 none, 1 ReLU, 2 GELU, 3 GELU by tanh, 4 quick GELU, 5 SiLU), THREADS.

#include <cuda_bf16.h>

typedef unsigned char uint8_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef __nv_bfloat16 bf16;
struct __align__(64) CUtensorMap { uint64_t words[16]; };

struct Sizes {
    uint64_t rows, outputs, inputs;
    uint64_t pitch;  // from one row of the residual to the next
};

#define DEPTH 64                     // inputs of a stage: 128 bytes, what one swizzle spans
#define TEAMS (ROWS / 64)            // warpgroups that multiply, beside the one that copies
#define X_BYTES (ROWS * DEPTH * 2)
#define W_BYTES (OUTPUTS * DEPTH * 2)
#define STAGE_BYTES (X_BYTES + W_BYTES)

#if TURNED_W
#define TURNED "1"
#else
#define TURNED "0"
#endif

__device__ __forceinline__ uint32_t shared_address(const void* p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ __forceinline__ uint32_t rank_in_cluster() {
    uint32_t rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

__device__ __forceinline__ void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ __forceinline__ void barrier_start(uint32_t barrier, uint32_t arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void barrier_wait(uint32_t barrier, uint32_t parity) {
    asm volatile(
        "{\n.reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra over;\nbra again;\nover:\n}" ::"r"(barrier),
        "r"(parity)
        : "memory");
}

__device__ __forceinline__ void barrier_expect(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Arrives at the barrier of the same place in a block of the cluster. What it orders are copies and products, which the barriers see
// for themselves: a release to the cluster would wait for all memory of the device, at every stage.
__device__ __forceinline__ void barrier_arrive(uint32_t barrier, uint32_t block) {
    asm volatile(
        "{\n.reg .b32 there;\n"
        "mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(barrier),
        "r"(block)
        : "memory");
}

__device__ __forceinline__ void copy_in(uint32_t to, const CUtensorMap& map, uint32_t column, uint32_t row, uint32_t barrier) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(to),
        "l"(&map), "r"(column), "r"(row), "r"(barrier)
        : "memory");
}

// The same into all blocks of the mask, each of which is told by its own barrier.
__device__ __forceinline__ void copy_to_all(uint32_t to, const CUtensorMap& map, uint32_t column, uint32_t row, uint32_t barrier, unsigned short mask) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], "
        "[%4], %5;" ::"r"(to),
        "l"(&map), "r"(column), "r"(row), "r"(barrier), "h"(mask)
        : "memory");
}

// Where a tile of 128-byte rows, swizzled, lies in shared memory, as wgmma is told it.
__device__ __forceinline__ uint64_t described(uint32_t address, uint32_t leading) {
    return (uint64_t)((address & 0x3ffff) >> 4) | ((uint64_t)(leading >> 4) << 16) | ((uint64_t)(1024 >> 4) << 32) | (1ull << 62);
}

__device__ __forceinline__ void multiply(float (&d)[128], uint64_t a, uint64_t b) {
    asm volatile(
        "{\n"
        "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, "
        "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, "
        "%46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, "
        "%68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, "
        "%90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, "
        "%110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127 "
        "}, %128, %129, 1, 1, 1, 0, " TURNED ";\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]),
          "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]),
          "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]),
          "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]),
          "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]),
          "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]),
          "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]),
          "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71]), "+f"(d[72]),
          "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79]), "+f"(d[80]), "+f"(d[81]),
          "+f"(d[82]), "+f"(d[83]), "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87]), "+f"(d[88]), "+f"(d[89]), "+f"(d[90]),
          "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95]), "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99]),
          "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103]), "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]),
          "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111]), "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115]),
          "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123]),
          "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])
        : "l"(a), "l"(b));
}

__device__ __forceinline__ void multiply(float (&d)[64], uint64_t a, uint64_t b) {
    asm volatile(
        "{\n"
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, "
        "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, "
        "%46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63 "
        "}, %64, %65, 1, 1, 1, 0, " TURNED ";\n"
        "}\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]),
          "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]),
          "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]),
          "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]),
          "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]),
          "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]),
          "+f"(d[55]), "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
        : "l"(a), "l"(b));
}

// One stage: 64 inputs.
__device__ __forceinline__ void multiply_stage(float (&d)[OUTPUTS / 2], uint32_t x, uint32_t w) {
#pragma unroll
    for (int part = 0; part < DEPTH / 16; part++) {
        // 16 inputs further: 32 bytes in a row of inputs, 16 rows where inputs are rows.
#if TURNED_W
        multiply(d, described(x + part * 32, 16), described(w + part * 2048, 8192));
#else
        multiply(d, described(x + part * 32, 16), described(w + part * 32, 16));
#endif
    }
}

// The compiler must not move uses of the sums across the asynchronous products.
__device__ __forceinline__ void hold(float (&d)[OUTPUTS / 2]) {
#pragma unroll
    for (int i = 0; i < OUTPUTS / 2; i++) asm volatile("" : "+f"(d[i])::"memory");
}

__device__ __forceinline__ float activated(float x) {
#if ACTIVATION == 1
    return fmaxf(x, 0.0f);
#elif ACTIVATION == 2
    // erf(x/√2) = x·P(x²) below 4, to 1e-5, of which bf16 has 4e-3: CUDA's erff takes a quarter of the product's time.
    const float square = fminf(x * x, 16.0f);
    float p = 1.56094225e-10f;
    p = fmaf(p, square, -1.36553675e-08f);
    p = fmaf(p, square, 5.33396344e-07f);
    p = fmaf(p, square, -1.24440365e-05f);
    p = fmaf(p, square, 1.96582663e-04f);
    p = fmaf(p, square, -2.26193263e-03f);
    p = fmaf(p, square, 1.97399350e-02f);
    p = fmaf(p, square, -1.32804068e-01f);
    p = fmaf(p, square, 7.97839730e-01f);
    const float e = fabsf(x) < 4.0f ? x * p : copysignf(1.0f, x);
    return 0.5f * x * (1.0f + e);
#elif ACTIVATION == 3
    return 0.5f * x * (1.0f + tanhf(0.7978846f * (x + 0.044715f * x * x * x)));
#elif ACTIVATION == 4
    return x / (1.0f + __expf(-1.702f * x));
#elif ACTIVATION == 5
    return x / (1.0f + __expf(-x));
#else
    return x;
#endif
}

__device__ __forceinline__ uint32_t packed(float low, float high) {
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *(uint32_t*)&pair;
}

__device__ __forceinline__ float2 unpacked(uint32_t pair) { return __bfloat1622float2(*(__nv_bfloat162*)&pair); }

// Four numbers of two bf16 each, added.
__device__ __forceinline__ uint4 sum(uint4 a, uint4 b) {
    uint32_t *x = (uint32_t*)&a, *y = (uint32_t*)&b;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float2 p = unpacked(x[i]), q = unpacked(y[i]);
        x[i] = packed(p.x + q.x, p.y + q.y);
    }
    return a;
}

// The stages, which one thread fills, and where it or a team is.
struct Ring {
    uint32_t stages, full, empty, stage, parity;
    __device__ __forceinline__ uint32_t x() { return stages + stage * STAGE_BYTES; }
    __device__ __forceinline__ uint32_t w() { return x() + X_BYTES; }
    __device__ __forceinline__ uint32_t filled() { return full + stage * 8; }
    __device__ __forceinline__ uint32_t emptied() { return empty + stage * 8; }
    __device__ __forceinline__ void next() {
        if (++stage == STAGES) {
            stage = 0;
            parity ^= 1;
        }
    }
};

__device__ __forceinline__ Ring ring_of(uint8_t* memory, uint32_t arrivals) {
    Ring ring;
    ring.stages = shared_address(memory);
    ring.full = ring.stages + STAGES * STAGE_BYTES;
    ring.empty = ring.full + STAGES * 8;
    ring.stage = 0;
    ring.parity = 0;
    if (threadIdx.x == 0) {
        for (int i = 0; i < STAGES; i++) {
            barrier_start(ring.full + i * 8, 1);
            barrier_start(ring.empty + i * 8, arrivals);
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    return ring;
}

__device__ __forceinline__ void fewer_registers() { asm volatile("setmaxnreg.dec.sync.aligned.u32 40;"); }
__device__ __forceinline__ void more_registers() { asm volatile("setmaxnreg.inc.sync.aligned.u32 232;"); }

extern __shared__ __align__(1024) uint8_t memory[];

#if WIDE
extern "C" __global__ void __cluster_dims__(2, 1, 1) __launch_bounds__(THREADS, 1)
    wide(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap w_map, const bf16* __restrict__ bias,
         const bf16* __restrict__ residual, bf16* __restrict__ y, const __grid_constant__ Sizes sizes) {
    const uint32_t rank = rank_in_cluster();
    const uint32_t rows = sizes.rows, outputs = sizes.outputs, depth = (sizes.inputs + DEPTH - 1) / DEPTH;
    const uint32_t across = (outputs + OUTPUTS - 1) / OUTPUTS, down = (rows + 2 * ROWS - 1) / (2 * ROWS);
    const uint32_t team = threadIdx.x / 128;
    Ring ring = ring_of(memory, 2 * TEAMS * 4);
    cluster_sync();
    if (team == 0) {
        fewer_registers();
        if (threadIdx.x == 0) {
            ring.parity = 1;
            for (uint32_t tile = blockIdx.x / 2; tile < across * down; tile += gridDim.x / 2) {
                const uint32_t row = (tile / across * 2 + rank) * ROWS, output = tile % across * OUTPUTS;
                for (uint32_t k = 0; k < depth; k++, ring.next()) {
                    barrier_wait(ring.emptied(), ring.parity);
                    barrier_expect(ring.filled(), STAGE_BYTES);
                    copy_in(ring.x(), x_map, k * DEPTH, row, ring.filled());
                    const uint32_t half = OUTPUTS / 2;
#if TURNED_W
#pragma unroll
                    for (uint32_t box = 0; box < half / 64; box++)
                        copy_to_all(ring.w() + (rank * (half / 64) + box) * 8192, w_map, output + rank * half + box * 64, k * DEPTH,
                                    ring.filled(), 3);
#else
                    copy_to_all(ring.w() + rank * half * 128, w_map, k * DEPTH, output + rank * half, ring.filled(), 3);
#endif
                }
            }
        }
    } else {
        more_registers();
        const uint32_t thread = threadIdx.x % 128, warp = thread / 32, lane = thread % 32;
        // What a team hands over, 64 columns at a time, in two places in turn.
        const uint32_t desk = shared_address(memory) + STAGES * STAGE_BYTES + 1024 + (team - 1) * 16384;
        uint8_t* const desk_memory = memory + STAGES * STAGE_BYTES + 1024 + (team - 1) * 16384;
        for (uint32_t tile = blockIdx.x / 2; tile < across * down; tile += gridDim.x / 2) {
            const uint32_t row = (tile / across * 2 + rank) * ROWS + (team - 1) * 64, output = tile % across * OUTPUTS;
            float d[OUTPUTS / 2];
#pragma unroll
            for (int i = 0; i < OUTPUTS / 2; i++) d[i] = 0.0f;
            uint32_t before = 0;
            for (uint32_t k = 0; k < depth; k++, ring.next()) {
                barrier_wait(ring.filled(), ring.parity);
                hold(d);
                asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
                multiply_stage(d, ring.x() + (team - 1) * 8192, ring.w());
                asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
                hold(d);
                // All but the products just begun are done: the stage before is free.
                asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
                if (k > 0 && lane < 2) barrier_arrive(before, lane);
                before = ring.emptied();
            }
            asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
            hold(d);
            if (lane < 2) barrier_arrive(before, lane);
#pragma unroll
            for (int piece = 0; piece < OUTPUTS / 64; piece++) {
                const uint32_t place = (piece & 1) * 8192;
#if ADDED
                uint4 added[4];
#pragma unroll
                for (int turn = 0; turn < 4; turn++) {
                    const uint32_t line = turn * 16 + thread / 8, column = output + piece * 64 + thread % 8 * 8;
                    if (row + line < rows && column < outputs)
                        added[turn] = *(const uint4*)(residual + (uint64_t)(row + line) * sizes.pitch + column);
                }
#endif
#pragma unroll
                for (int pair = 0; pair < 4; pair++) {
                    uint32_t r[4];
#pragma unroll
                    for (int side = 0; side < 2; side++) {
                        const int block = piece * 8 + pair * 2 + side;
                        float2 b = make_float2(0.0f, 0.0f);
#if BIASED
                        const uint32_t column = output + block * 8 + lane % 4 * 2;
                        if (column < outputs) b = unpacked(*(const uint32_t*)(bias + column));
#endif
                        r[side * 2] = packed(activated(d[block * 4] + b.x), activated(d[block * 4 + 1] + b.y));
                        r[side * 2 + 1] = packed(activated(d[block * 4 + 2] + b.x), activated(d[block * 4 + 3] + b.y));
                    }
                    const uint32_t line = warp * 16 + (lane / 8 & 1) * 8 + lane % 8, segment = pair * 2 + lane / 16;
                    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(
                                     desk + place + line * 128 + ((segment ^ (line & 7)) << 4)),
                                 "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
                                 : "memory");
                }
                asm volatile("bar.sync %0, 128;" ::"r"(team) : "memory");
#pragma unroll
                for (int turn = 0; turn < 4; turn++) {
                    const uint32_t line = turn * 16 + thread / 8, segment = thread % 8;
                    const uint32_t column = output + piece * 64 + segment * 8;
                    if (row + line < rows && column < outputs) {
                        uint4 v = *(const uint4*)(desk_memory + place + line * 128 + ((segment ^ (line & 7)) << 4));
                        const uint64_t at = (uint64_t)(row + line) * outputs + column;
#if ADDED
                        v = sum(v, added[turn]);
#endif
                        *(uint4*)(y + at) = v;
                    }
                }
            }
            asm volatile("bar.sync %0, 128;" ::"r"(team) : "memory");
        }
    }
    // A block that leaves takes its barriers along, at which the other may still arrive.
    cluster_sync();
}
#else
extern "C" __global__ void __cluster_dims__(1, 1, SHARE) __launch_bounds__(THREADS, 1)
    narrow(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap w_map, const bf16* __restrict__ bias,
           const bf16* __restrict__ residual, bf16* __restrict__ y, const __grid_constant__ Sizes sizes) {
    const uint32_t rank = rank_in_cluster();
    const uint32_t rows = sizes.rows, outputs = sizes.outputs, depth = (sizes.inputs + DEPTH - 1) / DEPTH;
    const uint32_t from = depth * rank / SHARE, to = depth * (rank + 1) / SHARE;
    const uint32_t row = blockIdx.y * ROWS, output = blockIdx.x * OUTPUTS;
    const uint32_t team = threadIdx.x / 128;
    Ring ring = ring_of(memory, TEAMS * 4);
    __syncthreads();
    if (team == 0) {
        if (threadIdx.x == 0) {
            ring.parity = 1;
            for (uint32_t k = from; k < to; k++, ring.next()) {
                barrier_wait(ring.emptied(), ring.parity);
                barrier_expect(ring.filled(), STAGE_BYTES);
                copy_in(ring.x(), x_map, k * DEPTH, row, ring.filled());
#if TURNED_W
#pragma unroll
                for (uint32_t box = 0; box < OUTPUTS / 64; box++)
                    copy_in(ring.w() + box * 8192, w_map, output + box * 64, k * DEPTH, ring.filled());
#else
                copy_in(ring.w(), w_map, k * DEPTH, output, ring.filled());
#endif
            }
        }
        __syncthreads();
    } else {
        const uint32_t thread = threadIdx.x % 128, warp = thread / 32, lane = thread % 32;
        float d[OUTPUTS / 2];
#pragma unroll
        for (int i = 0; i < OUTPUTS / 2; i++) d[i] = 0.0f;
        uint32_t before = 0;
        for (uint32_t k = from; k < to; k++, ring.next()) {
            barrier_wait(ring.filled(), ring.parity);
            hold(d);
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
            multiply_stage(d, ring.x() + (team - 1) * 8192, ring.w());
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            hold(d);
            asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
            if (k > from && lane == 0) barrier_arrive(before, rank);
            before = ring.emptied();
        }
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
        hold(d);
        // All stages have been read by now: the sums take their place, 64 rows of OUTPUTS numbers for a team, a few bytes apart.
        __syncthreads();
        float* sums = (float*)memory + (team - 1) * 64 * (OUTPUTS + 8);
#pragma unroll
        for (int block = 0; block < OUTPUTS / 8; block++) {
            float* at = sums + (warp * 16 + lane / 4) * (OUTPUTS + 8) + block * 8 + lane % 4 * 2;
            *(float2*)at = make_float2(d[block * 4], d[block * 4 + 1]);
            *(float2*)(at + 8 * (OUTPUTS + 8)) = make_float2(d[block * 4 + 2], d[block * 4 + 3]);
        }
    }
    cluster_sync();
    // Each block adds up its share of the rows, always in the order of the blocks.
    const uint32_t sums = shared_address(memory);
    const uint32_t lines = (ROWS + SHARE - 1) / SHARE, groups = OUTPUTS / 8;
    for (uint32_t i = threadIdx.x; i < lines * groups; i += THREADS) {
        const uint32_t line = rank * lines + i / groups, column = i % groups * 8;
        if (line >= ROWS || row + line >= rows || output + column >= outputs) continue;
        float total[8];
#pragma unroll
        for (int n = 0; n < 8; n++) total[n] = 0.0f;
#pragma unroll
        for (uint32_t block = 0; block < SHARE; block++) {
            uint32_t there;
            asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(sums + (line * (OUTPUTS + 8) + column) * 4), "r"(block));
            float4 low, high;
            asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(low.x), "=f"(low.y), "=f"(low.z), "=f"(low.w) : "r"(there) : "memory");
            asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(high.x), "=f"(high.y), "=f"(high.z), "=f"(high.w) : "r"(there + 16) : "memory");
            total[0] += low.x, total[1] += low.y, total[2] += low.z, total[3] += low.w;
            total[4] += high.x, total[5] += high.y, total[6] += high.z, total[7] += high.w;
        }
#if BIASED
        const uint4 b = *(const uint4*)(bias + output + column);
#pragma unroll
        for (int n = 0; n < 4; n++) {
            const float2 pair = unpacked(((const uint32_t*)&b)[n]);
            total[n * 2] += pair.x, total[n * 2 + 1] += pair.y;
        }
#endif
        uint4 v;
#pragma unroll
        for (int n = 0; n < 4; n++) ((uint32_t*)&v)[n] = packed(activated(total[n * 2]), activated(total[n * 2 + 1]));
        const uint64_t at = (uint64_t)(row + line) * outputs + output + column;
#if ADDED
        v = sum(v, *(const uint4*)(residual + (uint64_t)(row + line) * sizes.pitch + output + column));
#endif
        *(uint4*)(y + at) = v;
    }
    // A block that leaves takes its sums along, which another may still read.
    cluster_sync();
}
#endif
