//! How CubeCL portions a GPU's memory out. Left to itself it takes pages of a quarter, a sixteenth, … of the device, however little is needed of them:
//! on a large one a page of gigabytes for the vectors of a few images.

use cubecl::Runtime;
use cubecl::config::memory::{MemoryPoolConfig, MemoryPoolsConfig};
use cubecl::config::size::MemorySize;
use cubecl::cuda::{CudaDevice, CudaRuntime};

/// Pages, and the largest buffer that shares them with others, in MiB.
const PAGES: [(u64, u64); 3] = [(16, 2), (512, 512), (4096, 4096)];
const MIB: u64 = 1 << 20;

/// Lays a device's memory out, for buffers that come and go; what keeps its place (weights, recorded steps) has memory of its own. Nothing happens
/// where buffers are in use already.
pub fn lay_out(index: usize) {
    let client = CudaRuntime::client(&CudaDevice::new(index));
    let largest = client.properties().memory.max_page_size;
    let sliced = |page: u64, slice: u64| MemoryPoolConfig::Sliced {
        page_size: MemorySize(page),
        max_slice_size: Some(MemorySize(slice)),
        max_pool_size: None,
        dealloc_period: None,
    };
    let empty = MemoryPoolConfig::Exclusive { max_alloc_size: MemorySize(0), dealloc_period: None };
    let pages = PAGES.iter().map(|&(page, slice)| (page * MIB, slice * MIB)).filter(|&(page, _)| page < largest);
    let pools = pages.chain([(largest, largest)]).map(|(page, slice)| sliced(page, slice));
    // `false` where buffers are in use.
    let _ = client.configure_memory_pools(&MemoryPoolsConfig::Explicit([empty].into_iter().chain(pools).collect()));
}
