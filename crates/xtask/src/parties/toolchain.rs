//! What becomes part of a program or of the book without a manifest that says so: the standard library, the C library of static
//! programs, and the theme of the book.

use super::{Ecosystem, Library, Texts};

const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files \
(the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, \
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, \
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF \
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR \
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH \
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";

const BSD: &str = "\
Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions \
are met:

* Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
* Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in the \
documentation and/or other materials provided with the distribution.
* Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products derived from \
this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS \"AS IS\" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT \
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE \
COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES \
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) \
HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) \
ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.";

/// What every program holds.
pub(super) fn of_programs() -> Vec<Library> {
    vec![
        library("rust-std", "1", "MIT OR Apache-2.0", &format!("Copyright (c) The Rust Project Contributors\n\n{MIT}")),
        library("musl", "1.2", "MIT", &format!("Copyright © 2005-2020 Rich Felker, et al.\n\n{MIT}")),
    ]
}

/// What every WebAssembly module holds.
pub(super) fn of_modules() -> Vec<Library> {
    of_programs().into_iter().filter(|library| library.name == "rust-std").collect()
}

/// What the book holds beside its own text. The scripts name their authors and versions themselves.
pub(super) fn of_book() -> Vec<Library> {
    vec![
        library(
            "mdbook-html",
            "0.5",
            "MPL-2.0",
            "The style sheets and scripts of the book are mdBook's, in the form of their source, under the Mozilla Public License 2.0: \
             https://mozilla.org/MPL/2.0/. Inline scripts were moved into files. mdBook: https://github.com/rust-lang/mdBook",
        ),
        library(
            "font-awesome-as-a-crate",
            "0.3",
            "CC-BY-4.0 AND MIT",
            "Icons of the book: Font Awesome Free by Fonticons, Inc., https://fontawesome.com, CC BY 4.0: \
             https://creativecommons.org/licenses/by/4.0/",
        ),
        library("highlight.js", "10.1", "BSD-3-Clause", &format!("Copyright (c) 2006-2020, Ivan Sagalaev\n\n{BSD}")),
        library("clipboard.js", "2.0", "MIT", &format!("Copyright © Zeno Rocha\n\n{MIT}")),
        library(
            "elasticlunr",
            "0.9",
            "MIT",
            &format!("Copyright (C) 2017 Oliver Nightingale\nCopyright (C) 2017 Wei Song\n\n{MIT}"),
        ),
        library("mark.js", "8.11", "MIT", &format!("Copyright (c) 2014–2018, Julian Kühnel\n\n{MIT}")),
    ]
}

fn library(name: &str, version: &str, licence: &str, text: &str) -> Library {
    Library {
        ecosystem: Ecosystem::Other,
        name: name.to_owned(),
        version: version.to_owned(),
        licence: Some(licence.to_owned()),
        is_ours: false,
        texts: Texts::These(text.to_owned()),
    }
}
