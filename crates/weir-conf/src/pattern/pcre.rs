//! PCRE2 as far as nginx uses it (`ngx_regex.c`): compiling, group names, matching.

#![allow(unsafe_code, reason = "PCRE2 is a C library")]

use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use pcre2_sys::{
    PCRE2_CASELESS, PCRE2_ERROR_NOMATCH, PCRE2_ERROR_NOMEMORY, PCRE2_INFO_ALLOPTIONS,
    PCRE2_INFO_CAPTURECOUNT, PCRE2_INFO_JITSIZE, PCRE2_INFO_NAMECOUNT, PCRE2_INFO_NAMEENTRYSIZE,
    PCRE2_INFO_NAMETABLE, PCRE2_JIT_COMPLETE, PCRE2_NO_JIT, PCRE2_UTF, pcre2_code_8,
    pcre2_code_free_8, pcre2_compile_8, pcre2_get_error_message_8, pcre2_get_ovector_pointer_8,
    pcre2_jit_compile_8, pcre2_jit_match_8, pcre2_match_8, pcre2_match_context_8,
    pcre2_match_data_8, pcre2_match_data_create_8, pcre2_match_data_free_8, pcre2_pattern_info_8,
};

/// A compiled expression, to machine code too where PCRE2 can do that.
#[derive(Debug)]
pub(super) struct Code {
    code: NonNull<pcre2_code_8>,
    /// Groups, the whole match among them.
    groups: usize,
    /// There is machine code, which may be called without a look at the text first: that is due to UTF-8 only.
    runs_at_once: bool,
}

// SAFETY: PCRE2 does not change an expression once it is compiled, and says that threads may share
// it. `Code` offers no way to compile it again.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: `pcre2_compile` gave it, and nobody else frees it.
        unsafe { pcre2_code_free_8(self.code.as_ptr()) }
    }
}

/// Why a text is no expression.
#[derive(Debug)]
pub(super) struct CompileFault {
    /// PCRE2's words.
    pub(super) reason: String,
    /// Where in the text it gave up.
    pub(super) offset: usize,
}

/// Which of PCRE2's two engines runs. They find the same, but count their steps differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Machine code; an expression that has none is interpreted.
    Jit,
    /// The one that nginx runs unless told `pcre_jit on`.
    Interpreter,
}

/// What PCRE2 answers instead of a match or none; negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MatchError(pub(super) i32);

impl Code {
    /// Compiles `source`, whose bytes are no UTF-8 unless it says so itself.
    pub(super) fn compile(source: &[u8], caseless: bool) -> Result<Self, CompileFault> {
        let options = if caseless { PCRE2_CASELESS } else { 0 };
        let (mut error, mut offset) = (0, 0);
        // SAFETY: pointer and length are those of one slice, the two numbers live until the call
        // returns, and a null context means PCRE2's defaults.
        let code = unsafe {
            pcre2_compile_8(
                source.as_ptr(),
                source.len(),
                options,
                &raw mut error,
                &raw mut offset,
                ptr::null_mut(),
            )
        };
        let Some(code) = NonNull::new(code) else {
            return Err(CompileFault {
                reason: error_text(error),
                offset,
            });
        };
        let mut code = Self {
            code,
            groups: 1,
            runs_at_once: false,
        };
        code.groups += code.number(PCRE2_INFO_CAPTURECOUNT);
        // What cannot be compiled further is interpreted, as in nginx.
        // SAFETY: the expression is not shared with anyone yet.
        let _ = unsafe { pcre2_jit_compile_8(code.code.as_ptr(), PCRE2_JIT_COMPLETE) };
        let utf = code.number(PCRE2_INFO_ALLOPTIONS) & PCRE2_UTF as usize != 0;
        code.runs_at_once = code.has_machine_code() && !utf;
        Ok(code)
    }

    /// Groups, the whole match among them.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// Names of groups with their numbers, in PCRE2's order; a name may stand for several groups.
    pub(super) fn names(&self) -> Vec<(String, u16)> {
        let size = self.number(PCRE2_INFO_NAMEENTRYSIZE);
        let count = self.number(PCRE2_INFO_NAMECOUNT);
        let mut table: *const u8 = ptr::null();
        // SAFETY: a name table is asked for, and a pointer is where PCRE2 writes it.
        unsafe {
            pcre2_pattern_info_8(
                self.code.as_ptr(),
                PCRE2_INFO_NAMETABLE,
                (&raw mut table).cast(),
            );
        }
        if table.is_null() || size == 0 {
            return Vec::new();
        }
        // SAFETY: the table has `count` entries of `size` bytes and lives as long as the code.
        let table = unsafe { std::slice::from_raw_parts(table, count * size) };
        table
            .chunks_exact(size)
            .filter_map(|entry| {
                let (number, name) = entry.split_first_chunk::<2>()?;
                let name = CStr::from_bytes_until_nul(name).ok()?;
                let name = name.to_string_lossy().into_owned();
                Some((name, u16::from_be_bytes(*number)))
            })
            .collect()
    }

    /// Tries the expression on `text`. `found` gets the offsets of the groups up to the last one that
    /// took part; `usize::MAX` stands for those before it that did not.
    pub(super) fn exec<T>(
        &self,
        text: &[u8],
        engine: Engine,
        found: impl FnOnce(&[[usize; 2]]) -> T,
    ) -> Result<Option<T>, MatchError> {
        let (run, options): (MatchFunction, _) = match engine {
            Engine::Jit if self.runs_at_once => (pcre2_jit_match_8, 0),
            Engine::Jit => (pcre2_match_8, 0),
            Engine::Interpreter => (pcre2_match_8, PCRE2_NO_JIT),
        };
        // Taken, and given back below: a thread matches one expression at a time.
        let scratch = SCRATCH.take().filter(|own| own.groups >= self.groups);
        let scratch = match scratch {
            Some(scratch) => scratch,
            None => Scratch::new(self.groups)?,
        };
        // The pointer of an empty slice need not be one, and PCRE2 may look at it.
        let start = if text.is_empty() { b"\0" } else { text };
        // SAFETY: code and match data are valid, the latter is this call's own, as many bytes as are
        // claimed can be read, and a null context means PCRE2's defaults. Machine code that is called
        // without PCRE2's checks is there, and takes any bytes.
        let code = unsafe {
            run(
                self.code.as_ptr(),
                start.as_ptr(),
                text.len(),
                0,
                options,
                scratch.data.as_ptr(),
                ptr::null_mut(),
            )
        };
        let outcome = match usize::try_from(code) {
            Ok(last) => Ok(Some(found(scratch.offsets(last)))),
            Err(_) if code == PCRE2_ERROR_NOMATCH => Ok(None),
            Err(_) => Err(MatchError(code)),
        };
        SCRATCH.set(Some(scratch));
        outcome
    }

    fn has_machine_code(&self) -> bool {
        let mut size: usize = 0;
        // SAFETY: the size of the machine code is written as a `size_t`.
        unsafe {
            pcre2_pattern_info_8(
                self.code.as_ptr(),
                PCRE2_INFO_JITSIZE,
                (&raw mut size).cast(),
            );
        }
        size > 0
    }

    /// A number that PCRE2 knows of the expression.
    fn number(&self, what: u32) -> usize {
        let mut number: u32 = 0;
        // SAFETY: all that is asked for here is written as 32 bits.
        unsafe { pcre2_pattern_info_8(self.code.as_ptr(), what, (&raw mut number).cast()) };
        number as usize
    }
}

/// `pcre2_match`, or the part of it that runs machine code.
type MatchFunction = unsafe extern "C" fn(
    *const pcre2_code_8,
    *const u8,
    usize,
    usize,
    u32,
    *mut pcre2_match_data_8,
    *mut pcre2_match_context_8,
) -> c_int;

thread_local! {
    /// Where this thread's matches are written, as nginx's processes have one.
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// Room for the offsets of a match, and for what the interpreter must remember meanwhile.
struct Scratch {
    data: NonNull<pcre2_match_data_8>,
    groups: usize,
}

impl Scratch {
    fn new(groups: usize) -> Result<Self, MatchError> {
        let no_memory = MatchError(PCRE2_ERROR_NOMEMORY);
        let pairs = u32::try_from(groups).map_err(|_| no_memory)?;
        // SAFETY: a null context means PCRE2's defaults; what it gives is checked.
        let data = unsafe { pcre2_match_data_create_8(pairs, ptr::null_mut()) };
        let data = NonNull::new(data).ok_or(no_memory)?;
        Ok(Self { data, groups })
    }

    /// The first `groups` pairs of offsets of the match that succeeded last.
    fn offsets(&self, groups: usize) -> &[[usize; 2]] {
        // SAFETY: there are `self.groups` pairs, and a match writes as many as it says.
        unsafe {
            let first = pcre2_get_ovector_pointer_8(self.data.as_ptr());
            std::slice::from_raw_parts(first.cast(), groups.min(self.groups))
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: it was made in `new`, and nobody else frees it.
        unsafe { pcre2_match_data_free_8(self.data.as_ptr()) }
    }
}

/// PCRE2's words for an error, which nginx cuts at the same length.
fn error_text(code: i32) -> String {
    let mut text = [0_u8; 128];
    // SAFETY: pointer and length are those of one array; PCRE2 ends the text with a zero.
    unsafe { pcre2_get_error_message_8(code, text.as_mut_ptr(), text.len()) };
    CStr::from_bytes_until_nul(&text).map_or_else(
        |_| String::new(),
        |text| text.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which PCRE2 this is, and whether it makes machine code.
    fn built() -> (String, bool) {
        let mut version = [0_u8; 64];
        let mut jit: u32 = 0;
        // SAFETY: the version needs less than 64 bytes, the other answer is 32 bits.
        unsafe {
            pcre2_sys::pcre2_config_8(pcre2_sys::PCRE2_CONFIG_VERSION, version.as_mut_ptr().cast());
            pcre2_sys::pcre2_config_8(pcre2_sys::PCRE2_CONFIG_JIT, (&raw mut jit).cast());
        }
        let version = CStr::from_bytes_until_nul(&version).expect("a version");
        (version.to_string_lossy().into_owned(), jit == 1)
    }

    #[test]
    fn it_is_compiled_in_with_jit() {
        let (version, jit) = built();
        assert!(version.starts_with("10.42 "), "{version}");
        assert!(jit);
        let mapped = std::fs::read_to_string("/proc/self/maps").expect("a list of libraries");
        assert!(!mapped.contains("libpcre2"), "the machine's own is used");
    }

    #[test]
    fn engines_agree_and_the_interpreter_counts() {
        let code = Code::compile(b"^/(a+)+$", false).expect("an expression");
        for engine in [Engine::Jit, Engine::Interpreter] {
            let found = code.exec(b"/aaa", engine, <[_]>::to_vec);
            assert_eq!(found, Ok(Some(vec![[0, 4], [1, 4]])));
            assert_eq!(code.exec(b"/b", engine, |_| ()), Ok(None));
        }
        assert!(code.runs_at_once);
        let hard = [b"/", "a".repeat(28).as_bytes(), b"!"].concat();
        let counted = code.exec(&hard, Engine::Interpreter, |_| ());
        assert_eq!(counted, Err(MatchError(-47)));
    }

    #[test]
    fn machine_code_is_called_at_once_where_it_takes_any_bytes() {
        for (source, expected) in [("^/a", true), ("(*UTF)^/a", false), ("(*NO_JIT)^/a", false)] {
            let code = Code::compile(source.as_bytes(), false).expect("an expression");
            assert_eq!(code.runs_at_once, expected, "{source}");
            assert_eq!(code.exec(b"/a", Engine::Jit, |_| ()), Ok(Some(())));
        }
    }
}
