//! What the published module has in place of the standard library: an allocator, and a panic without words.
//!
//! A panic is a defect, ends the instance either way, and reaches the page as `client/crashed`. Its message and place
//! would be a tenth of the module.

use core::{arch::wasm32, panic::PanicInfo};

use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}
