// Attention of many queries without a matrix of weights (Dao et al. 2022, Dao 2023): keys and values pass in blocks through shared
// memory, the softmax is kept up to date as they do, and its weights never leave the registers. For capability 8.0 and later.
//
// What it is compiled for:
//   SIZE      numbers of a head, a multiple of 8
//   THREADS   of a block, in warps of which each has TILES times 16 queries
//   TILES     1 or 2; with 2 a warp reads keys and values once for twice as many queries, from more registers
//   KEYS      keys of a block that passes, a multiple of 16
//   RESIDENT  blocks that share a multiprocessor's registers
//   BIAS      0: none; 1: any; 2: the numbers of two neighbouring positions can be read as 4 bytes
// A block of threads takes WARPS * TILES * 16 queries of one head: blocks are [query blocks, heads, rows].

typedef unsigned short bf16;
typedef unsigned long long u64;

// In numbers, of a step in each dimension.
struct Params {
    u64 query_row, query_head, query_position;
    u64 key_row, key_head, key_position;
    u64 value_row, value_head, value_position;
    u64 bias_row, bias_head, bias_query, bias_position;
    u64 length, positions, groups;
    // The bits of an f32, which is above 0.
    u64 scale;
};

constexpr int WARPS = THREADS / 32;
constexpr int QUERIES = WARPS * TILES * 16;
// Vectors of 16 bytes of a head.
constexpr int VECTORS = SIZE / 8;
// Steps of 16 numbers that a product of queries and keys takes. Half a step more than SIZE is filled with zeros.
constexpr int STEPS = (SIZE + 15) / 16;
// Numbers from one row to the next in shared memory: an odd count of vectors, so that 8 rows lie in different banks.
constexpr int PITCH = STEPS * 16 + 8;
constexpr int PART = KEYS * PITCH;
constexpr int KEY_TILES = KEYS / 16;

// Below every score, and finite.
constexpr float LEAST = -3.0e38f;
constexpr float LOG2_E = 1.4426950408889634f;
#if BIAS
// A bias below this hides its position, and a greatest score below it is one of a hidden position.
constexpr float HIDDEN = -5.0e8f;
#endif

// --- Instructions ---

__device__ __forceinline__ unsigned shared_address(const bf16* at) {
    return static_cast<unsigned>(__cvta_generic_to_shared(at));
}

// Copies 16 bytes to shared memory without waiting, or zeros.
__device__ __forceinline__ void copy_vector(bf16* to, const bf16* from, bool is_there) {
    const int bytes = is_there ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
}

__device__ __forceinline__ void commit_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

__device__ __forceinline__ void await_copies() {
    asm volatile("cp.async.wait_group 0;" ::: "memory");
}

// Four matrices of 8 x 8; lane i names a row of matrix i / 8 and gets two neighbours of row i / 4 of each.
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], const bf16* at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(at))
                 : "memory");
}

// The same of the matrices' transposes.
__device__ __forceinline__ void load_transposed(unsigned (&to)[4], const bf16* at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(shared_address(at))
                 : "memory");
}

// sum += a * b, of 16 x 16 and 16 x 8.
__device__ __forceinline__ void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ float exp2_of(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Two numbers as bf16, the first in the low half.
__device__ __forceinline__ unsigned packed(float first, float second) {
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
}

// The greater of each half.
__device__ __forceinline__ unsigned greater_of(unsigned x, unsigned y) {
    unsigned pair;
    asm("max.bf16x2 %0, %1, %2;" : "=r"(pair) : "r"(x), "r"(y));
    return pair;
}

// --- Kernel ---

__device__ __forceinline__ float first_of(unsigned pair) {
    return __uint_as_float(pair << 16);
}

__device__ __forceinline__ float second_of(unsigned pair) {
    return __uint_as_float(pair & 0xffff0000u);
}

// Of the four lanes that share a row.
__device__ __forceinline__ float greatest_of_row(float x) {
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

__device__ __forceinline__ float sum_of_row(float x) {
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// Begins to copy `ROWS` rows from `begin` on to shared memory; zeros stand for those from `end` on.
template <int ROWS>
__device__ __forceinline__ void copy_rows(bf16* to, const bf16* from, u64 stride, int begin, int end) {
#pragma unroll
    for (int first = 0; first < ROWS * VECTORS; first += THREADS) {
        const int i = first + threadIdx.x;
        if (ROWS * VECTORS % THREADS == 0 || i < ROWS * VECTORS) {
            const int row = i / VECTORS, vector = i % VECTORS;
            const bool is_there = begin + row < end;
            const bf16* at = from + (is_there ? begin + row : 0) * stride + vector * 8;
            copy_vector(to + row * PITCH + vector * 8, at, is_there);
        }
    }
}

// Zeros behind each row, where SIZE ends in the middle of a step.
template <int ROWS>
__device__ __forceinline__ void fill_steps(bf16* to) {
    if (SIZE % 16 != 0) {
        for (int row = threadIdx.x; row < ROWS; row += THREADS) {
            *reinterpret_cast<uint4*>(to + row * PITCH + SIZE) = make_uint4(0, 0, 0, 0);
        }
    }
}

// What a warp knows of its queries. A lane holds rows lane / 4 and lane / 4 + 8 of each tile, and of every 8 columns two.
struct State {
    float sums[TILES][VECTORS][4];
    float greatest[TILES][2];
    float total[TILES][2];
};

// The bias of a lane's queries.
struct Bias {
    const bf16* of_query[TILES][2];
    u64 stride;
};

// Takes in a block of keys and values, of which `count` are there; `TAIL` where that may be fewer than KEYS.
template <bool TAIL>
__device__ __forceinline__ void take_in(
    State& state,
    const unsigned (&held)[STEPS][4],
    const bf16* queries,
    const bf16* keys,
    const bf16* values,
    const Bias& bias,
    int begin,
    int count,
    float scale
) {
    const int lane = threadIdx.x % 32;
    const int column = lane % 4 * 2;

#if BIAS
    unsigned biases[TILES][2][KEY_TILES * 2];
    bool skipped = true;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const bf16* of_query = bias.of_query[tile][half];
            unsigned most = 0xff80ff80u;
#pragma unroll
            for (int n = 0; n < KEY_TILES * 2; n++) {
                const int key = n * 8 + column;
                unsigned pair;
                if (!TAIL && BIAS == 2) {
                    pair = __ldg(reinterpret_cast<const unsigned*>(of_query + begin + key));
                } else {
                    // Of keys that are not there the bias of the last, which changes nothing.
                    const int first = TAIL ? min(key, count - 1) : key;
                    const int second = TAIL ? min(key + 1, count - 1) : key + 1;
                    pair = __ldg(of_query + (begin + first) * bias.stride)
                        | unsigned(__ldg(of_query + (begin + second) * bias.stride)) << 16;
                }
                biases[tile][half][n] = pair;
                most = greater_of(most, pair);
            }
            const bool all_hidden = fmaxf(first_of(most), second_of(most)) < HIDDEN;
            skipped = skipped && all_hidden && state.greatest[tile][half] > HIDDEN;
        }
    }
    // What is hidden weighs nothing beside a position that is seen; a query that has seen none yet must go on.
    if (__all_sync(0xffffffffu, skipped)) {
        return;
    }
#endif

    float scores[TILES][KEY_TILES * 2][4];
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
        for (int n = 0; n < KEY_TILES * 2; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                scores[tile][n][i] = 0.0f;
            }
        }
    }
    const bf16* key_at = keys + (lane / 16 * 8 + lane % 8) * PITCH + lane / 8 % 2 * 8;
    const bf16* query_at = queries + lane % 16 * PITCH + lane / 16 * 8;
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
        unsigned query[TILES][4];
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) {
            if (TILES == 1) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    query[tile][i] = held[step][i];
                }
            } else {
                load_matrices(query[tile], query_at + tile * 16 * PITCH + step * 16);
            }
        }
#pragma unroll
        for (int u = 0; u < KEY_TILES; u++) {
            if (!TAIL || u * 16 < count) {
                unsigned key[4];
                load_matrices(key, key_at + u * 16 * PITCH + step * 16);
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) {
                    multiply(scores[tile][2 * u], query[tile], key[0], key[1]);
                    multiply(scores[tile][2 * u + 1], query[tile], key[2], key[3]);
                }
            }
        }
    }

    // With a bias the scores become powers of 2 here, else with the greatest's difference below.
    const float unit = BIAS ? 1.0f : scale * LOG2_E;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
        float greatest[2] = {state.greatest[tile][0], state.greatest[tile][1]};
#pragma unroll
        for (int n = 0; n < KEY_TILES * 2; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float& score = scores[tile][n][i];
#if BIAS
                const unsigned pair = biases[tile][i / 2][n];
                score = score * (scale * LOG2_E) + (i % 2 ? second_of(pair) : first_of(pair)) * LOG2_E;
#endif
                if (TAIL && n * 8 + column + i % 2 >= count) {
                    score = LEAST;
                }
                greatest[i / 2] = fmaxf(greatest[i / 2], score);
            }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const float next = greatest_of_row(greatest[half]);
            const float kept = exp2_of((state.greatest[tile][half] - next) * unit);
            state.greatest[tile][half] = next;
            state.total[tile][half] *= kept;
#pragma unroll
            for (int n = 0; n < VECTORS; n++) {
                state.sums[tile][n][2 * half] *= kept;
                state.sums[tile][n][2 * half + 1] *= kept;
            }
        }
#pragma unroll
        for (int n = 0; n < KEY_TILES * 2; n++) {
            if (!TAIL || n * 8 < count) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    const float below = state.greatest[tile][i / 2] * unit;
                    const float weight = exp2_of(scores[tile][n][i] * unit - below);
                    scores[tile][n][i] = weight;
                    state.total[tile][i / 2] += weight;
                }
            } else {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    scores[tile][n][i] = 0.0f;
                }
            }
        }
    }

    const bf16* value_at = values + lane % 16 * PITCH + lane / 16 * 8;
#pragma unroll
    for (int u = 0; u < KEY_TILES; u++) {
        if (!TAIL || u * 16 < count) {
            // Where a product leaves its sums, the next takes its left side.
            unsigned weights[TILES][4];
#pragma unroll
            for (int tile = 0; tile < TILES; tile++) {
                const float(&left)[4] = scores[tile][2 * u];
                const float(&right)[4] = scores[tile][2 * u + 1];
                weights[tile][0] = packed(left[0], left[1]);
                weights[tile][1] = packed(left[2], left[3]);
                weights[tile][2] = packed(right[0], right[1]);
                weights[tile][3] = packed(right[2], right[3]);
            }
#pragma unroll
            for (int n = 0; n < VECTORS; n += 2) {
                unsigned value[4];
                load_transposed(value, value_at + u * 16 * PITCH + n * 8);
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) {
                    multiply(state.sums[tile][n], weights[tile], value[0], value[1]);
                    if (n + 1 < VECTORS) {
                        multiply(state.sums[tile][n + 1], weights[tile], value[2], value[3]);
                    }
                }
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT) attention(
    const bf16* __restrict__ query,
    const bf16* __restrict__ keys,
    const bf16* __restrict__ values,
    const bf16* __restrict__ bias,
    bf16* __restrict__ out,
    const __grid_constant__ Params p
) {
    // Queries, then twice a block of keys and one of values.
    extern __shared__ __align__(16) bf16 shared[];
    bf16* const blocks = shared + QUERIES * PITCH;

    const int head = blockIdx.y, heads = gridDim.y;
    const u64 row = blockIdx.z;
    const u64 group = head / (heads / int(p.groups));
    const int length = int(p.length), positions = int(p.positions);
    const int block_begin = blockIdx.x * QUERIES;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int warp_begin = block_begin + warp * TILES * 16;
    const float scale = __uint_as_float(unsigned(p.scale));

    query += row * p.query_row + head * p.query_head;
    keys += row * p.key_row + group * p.key_head;
    values += row * p.value_row + group * p.value_head;

    fill_steps<QUERIES>(shared);
    for (int part = 0; part < 2; part++) {
        fill_steps<KEYS>(blocks + part * 2 * PART);
    }
    copy_rows<QUERIES>(shared, query, p.query_position, block_begin, length);
    copy_rows<KEYS>(blocks, keys, p.key_position, 0, positions);
    copy_rows<KEYS>(blocks + PART, values, p.value_position, 0, positions);
    commit_copies();

    State state;
    Bias of_queries;
    of_queries.stride = p.bias_position;
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            state.greatest[tile][half] = LEAST;
            state.total[tile][half] = 0.0f;
            // Of queries that are not there, the last's: nobody sees what comes of it.
            const int position = min(warp_begin + tile * 16 + half * 8 + lane / 4, length - 1);
            of_queries.of_query[tile][half] = bias + row * p.bias_row + head * p.bias_head + position * p.bias_query;
        }
#pragma unroll
        for (int n = 0; n < VECTORS; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                state.sums[tile][n][i] = 0.0f;
            }
        }
    }

    bf16* const warp_queries = shared + warp * TILES * 16 * PITCH;
    unsigned held[STEPS][4];
    const bool has_queries = warp_begin < length;
    for (int begin = 0, part = 0; begin < positions; begin += KEYS, part ^= 1) {
        await_copies();
        // What the others copied is there, and nobody reads the other part any more.
        __syncthreads();
        const int next = begin + KEYS;
        if (next < positions) {
            bf16* to = blocks + (part ^ 1) * 2 * PART;
            copy_rows<KEYS>(to, keys, p.key_position, next, positions);
            copy_rows<KEYS>(to + PART, values, p.value_position, next, positions);
        }
        commit_copies();
        if (TILES == 1 && begin == 0) {
#pragma unroll
            for (int step = 0; step < STEPS; step++) {
                load_matrices(held[step], warp_queries + lane % 16 * PITCH + lane / 16 * 8 + step * 16);
            }
        }
        if (has_queries) {
            const bf16* from = blocks + part * 2 * PART;
            if (next <= positions) {
                take_in<false>(state, held, warp_queries, from, from + PART, of_queries, begin, KEYS, scale);
            } else {
                take_in<true>(state, held, warp_queries, from, from + PART, of_queries, begin, positions - begin, scale);
            }
        }
    }
    if (!has_queries) {
        return;
    }

    // Through the warp's own part of shared memory, where its queries were, so that whole vectors are written.
    __syncwarp();
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const float inverse = 1.0f / sum_of_row(state.total[tile][half]);
            bf16* to = warp_queries + (tile * 16 + half * 8 + lane / 4) * PITCH + lane % 4 * 2;
#pragma unroll
            for (int n = 0; n < VECTORS; n++) {
                const float* sums = state.sums[tile][n] + 2 * half;
                *reinterpret_cast<unsigned*>(to + n * 8) = packed(sums[0] * inverse, sums[1] * inverse);
            }
        }
    }
    __syncwarp();
    for (int i = lane; i < TILES * 16 * VECTORS; i += 32) {
        const int of_warp = i / VECTORS, vector = i % VECTORS;
        const int position = warp_begin + of_warp;
        if (position < length) {
            bf16* to = out + ((row * length + position) * heads + head) * SIZE + vector * 8;
            *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(warp_queries + of_warp * PITCH + vector * 8);
        }
    }
}
