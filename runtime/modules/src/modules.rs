//! The modules of one scanned file, each parsed once, when a rule first asks for it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use hallmark_image::schema::{Function, MODULES, Module, Type};

use crate::console::{Console, Mark};
use crate::elf::Elf;
use crate::limits::MAX_REMEMBERED;
use crate::pe::Pe;
use crate::report::{Androguard, Cuckoo, ModuleData};
use crate::value::{Answer, Arg, Node, Scalar};
use crate::{crx, dex, dotnet, hash, lnk, macho, math, string, zip};

/// The modules' view of one scanned file.
pub struct Modules<'a> {
    data: &'a [u8],
    now: i64,
    given: ModuleData,
    roots: [OnceCell<Node<'a>>; MODULES.len()],
    elf: OnceCell<Option<Elf<'a>>>,
    pe: OnceCell<Option<Pe<'a>>>,
    console: Console,
    remembered: RefCell<BTreeMap<Call, Answer<'a>>>,
}

/// A call whose arguments are numbers: module, function and the bits of up to three arguments.
type Call = (u16, u16, [u64; 3]);

impl<'a> Modules<'a> {
    /// Nothing is parsed yet. `now` is in seconds since the Unix epoch, for `time.now()`.
    pub fn new(data: &'a [u8], now: i64) -> Self {
        Modules {
            data,
            now,
            given: ModuleData::default(),
            roots: std::array::from_fn(|_| OnceCell::new()),
            elf: OnceCell::new(),
            pe: OnceCell::new(),
            console: Console::default(),
            remembered: RefCell::default(),
        }
    }

    /// Gives modules what they were given besides the file.
    pub fn with(mut self, given: &ModuleData) -> Self {
        self.given = given.clone();
        self
    }

    /// The fields of module `module`, as a [`Node::Struct`] in schema order; parsed at the first call.
    pub fn root(&self, module: u16) -> Option<&Node<'a>> {
        let cell = self.roots.get(usize::from(module))?;
        let schema = MODULES.get(usize::from(module))?;
        Some(cell.get_or_init(|| match schema.name {
            "androguard" => Androguard::root(self.given.androguard(), schema.fields),
            "crx" => crx::root(self.data, schema.fields),
            "dex" => dex::root(self.data, schema.fields),
            "dotnet" => dotnet::root(self.pe(), schema.fields),
            "elf" => Elf::root(self.elf(), schema.fields),
            "lnk" => lnk::root(self.data, schema.fields),
            "macho" => macho::root(self.data, schema.fields),
            "math" => math::root(),
            "pe" => Pe::root(self.pe(), schema.fields),
            "zip" => zip::root(self.data, schema.fields, schema.constants),
            _ => Node::Struct(Vec::new()),
        }))
    }

    /// Calls function `function` of module `module`; arguments that don't fit the schema answer undefined.
    pub fn call(&self, module: u16, function: u16, args: &[Arg<'_>]) -> Answer<'a> {
        self.call_until(module, function, args, &|| false)
    }

    /// As [`Modules::call`], for a caller who may not want to know the answer any more: once `is_over` says so, a function
    /// that looks at much of the file answers anything, and so do later calls.
    pub fn call_until(
        &self,
        module: u16,
        function: u16,
        args: &[Arg<'_>],
        is_over: &dyn Fn() -> bool,
    ) -> Answer<'a> {
        let schema = MODULES.get(usize::from(module))?;
        let entry = schema.functions.get(usize::from(function))?;
        if !fits(args, entry) {
            return None;
        }
        let key = if reads_much(schema, entry) { key(module, function, args) } else { None };
        let Some(key) = key else {
            return self.dispatch(module, schema, entry, args, is_over);
        };
        if let Some(answer) = self.remembered.borrow().get(&key) {
            return answer.clone();
        }
        let answer = self.dispatch(module, schema, entry, args, is_over);
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, answer.clone());
        answer
    }

    /// What `console.log` and `console.hex` wrote so far, oldest first.
    pub fn take_messages(&self) -> Vec<String> {
        self.console.take()
    }

    /// How much `console.log` and `console.hex` wrote so far.
    pub fn mark(&self) -> Mark {
        self.console.mark()
    }

    /// Forgets what they wrote since the mark.
    pub fn rewind(&self, mark: Mark) {
        self.console.rewind(mark);
    }

    fn dispatch(
        &self,
        id: u16,
        module: &Module,
        function: &Function,
        args: &[Arg<'_>],
        is_over: &dyn Fn() -> bool,
    ) -> Answer<'a> {
        match module.name {
            "androguard" => Androguard::call(self.given.androguard(), function.name, args),
            "console" => self.console.call(function.name, args, self.data),
            "crx" => crx::call(function.name, self.root(id)?, module.fields),
            "cuckoo" => Cuckoo::call(self.given.cuckoo(), function.name, args),
            "dex" => dex::call(function.name, args, self.data, self.root(id)?, module.fields),
            "elf" => Elf::call(self.elf(), function.name),
            "hash" => hash::call(function.name, args, self.data, is_over),
            "macho" => macho::call(function.name, args, self.root(id)?, module.fields),
            "math" => math::call(function.name, args, self.data, is_over),
            "pe" => Pe::call(self.pe(), function.name, args),
            "string" => string::call(function.name, args),
            "time" => (function.name == "now").then_some(Scalar::Int(self.now)),
            _ => None,
        }
    }

    fn elf(&self) -> Option<&Elf<'a>> {
        self.elf.get_or_init(|| Elf::parse(self.data)).as_ref()
    }

    fn pe(&self) -> Option<&Pe<'a>> {
        self.pe.get_or_init(|| Pe::parse(self.data)).as_ref()
    }
}

fn fits(args: &[Arg<'_>], function: &Function) -> bool {
    args.len() == function.args.len()
        && args.iter().zip(function.args).all(|pair| {
            matches!(
                pair,
                (Arg::Int(_), Type::Int)
                    | (Arg::Float(_), Type::Float)
                    | (Arg::Bool(_), Type::Bool)
                    | (Arg::Str(_), Type::Str)
                    | (Arg::Regex(_), Type::Regex)
            )
        })
}

/// Whether the function reads ranges of the file or all of it; many rules ask the same of it.
fn reads_much(module: &Module, function: &Function) -> bool {
    match module.name {
        "crx" | "dex" | "elf" | "hash" | "macho" => true,
        "math" => !math::is_arithmetic(function.name),
        "pe" => matches!(function.name, "imphash" | "calculate_checksum"),
        _ => false,
    }
}

/// Where an answer is remembered, if all arguments are numbers.
fn key(module: u16, function: u16, args: &[Arg<'_>]) -> Option<Call> {
    let mut bits = [0; 3];
    if args.len() > bits.len() {
        return None;
    }
    for (slot, arg) in bits.iter_mut().zip(args) {
        *slot = match arg {
            Arg::Int(i) => *i as u64,
            Arg::Float(f) => f.to_bits(),
            Arg::Bool(_) | Arg::Str(_) | Arg::Regex(_) => return None,
        };
    }
    Some((module, function, bits))
}

#[cfg(test)]
mod tests {
    use hallmark_image::schema::module_id;

    use super::*;

    fn function_id(module: &str, name: &str, args: &[Type]) -> (u16, u16) {
        let id = module_id(module).unwrap();
        let functions = MODULES[usize::from(id)].functions;
        let position = functions.iter().position(|f| f.name == name && f.args == args).unwrap();
        (id, u16::try_from(position).unwrap())
    }

    #[test]
    fn unknown_ids_and_wrong_arguments_are_undefined() {
        let modules = Modules::new(b"abc", 0);
        assert_eq!(modules.root(u16::MAX), None);
        assert_eq!(modules.call(u16::MAX, 0, &[]), None);
        let (module, length) = function_id("string", "length", &[Type::Str]);
        assert_eq!(modules.call(module, u16::MAX, &[]), None);
        assert_eq!(modules.call(module, length, &[Arg::Int(1)]), None);
        assert_eq!(modules.call(module, length, &[]), None);
        assert_eq!(modules.call(module, length, &[Arg::Str(b"abc")]), Some(Scalar::Int(3)));
    }

    /// What was parsed of a file when these modules were asked for: roots, and readers that found something.
    fn parsed(file: &[u8], asked: &[&str]) -> (Vec<&'static str>, Vec<&'static str>) {
        let modules = Modules::new(file, 0);
        for name in asked {
            modules.root(module_id(name).unwrap()).unwrap();
        }
        let roots = MODULES.iter().zip(&modules.roots).filter(|(_, root)| root.get().is_some());
        let elf = modules.elf.get().is_some_and(Option::is_some).then_some("elf");
        let pe = modules.pe.get().is_some_and(Option::is_some).then_some("pe");
        (roots.map(|(module, _)| module.name).collect(), elf.into_iter().chain(pe).collect())
    }

    #[test]
    fn a_module_is_parsed_when_it_is_asked_for_and_of_its_own_files() {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(64, 0);
        let mut pe = b"MZ".to_vec();
        pe.resize(0x200, 0);
        pe[0x3c] = 0x40;
        pe[0x40..0x44].copy_from_slice(b"PE\0\0");
        for (file, asked, readers) in [
            (&elf, &["pe"][..], &[][..]),
            (&elf, &["dotnet"], &[]),
            (&elf, &["elf"], &["elf"]),
            (&pe, &["elf"], &[]),
            (&pe, &["pe"], &["pe"]),
            // The headers are read once for both.
            (&pe, &["dotnet", "pe"], &["pe"]),
            (&pe, &[], &[]),
        ] {
            assert_eq!(parsed(file, asked), (asked.to_vec(), readers.to_vec()), "{asked:?}");
        }
    }

    #[test]
    fn time_is_what_the_caller_says() {
        let (module, now) = function_id("time", "now", &[]);
        assert_eq!(Modules::new(b"", 1234).call(module, now, &[]), Some(Scalar::Int(1234)));
    }

    #[test]
    fn answers_about_ranges_are_remembered_up_to_a_cap() {
        let modules = Modules::new(b"abc", 0);
        let (module, sum) = function_id("hash", "checksum32", &[Type::Int, Type::Int]);
        for _ in 0..2 {
            assert_eq!(modules.call(module, sum, &[Arg::Int(0), Arg::Int(2)]), Some(Scalar::Int(195)));
            assert_eq!(modules.call(module, sum, &[Arg::Int(2), Arg::Int(1)]), Some(Scalar::Int(99)));
        }
        assert_eq!(modules.remembered.borrow().len(), 2);
        for offset in 0..1000 {
            modules.call(module, sum, &[Arg::Int(offset), Arg::Int(1)]);
        }
        assert!(modules.remembered.borrow().len() <= MAX_REMEMBERED);
    }

    #[test]
    fn constants_that_are_not_integers_are_fields() {
        let modules = Modules::new(b"", 0);
        let math = modules.root(module_id("math").unwrap());
        assert_eq!(math, Some(&Node::Struct(vec![Node::Float(127.5)])));
    }
}
