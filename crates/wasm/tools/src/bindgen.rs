//! `bindgen MODULE DIRECTORY NAME`: writes a module and its bindings into a directory, with the options of our package.
//!
//! It calls the library behind the program `wasm-bindgen`, without that program's other dependencies.

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [module, directory, name] = arguments.as_slice() else { bail!("usage: bindgen MODULE DIRECTORY NAME") };
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.input_path(module).out_name(name).typescript(true);
    bindgen.omit_default_module_path(true).reset_state_function(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(directory)
}
