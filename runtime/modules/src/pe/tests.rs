//! What rules see of a small executable, of pieces of it, and of hostile changes to it.

mod pkcs7;
mod sample;

use hallmark_image::schema::{MODULES, Module, Type, module_id};

use self::sample::{OFFSET, RVA, executable};
use crate::{Arg, Modules, Node, Scalar};

fn schema() -> &'static Module {
    &MODULES[usize::from(module_id("pe").unwrap())]
}

/// The value at `path` (`sections[1].name`).
fn at<'n>(root: &'n Node<'n>, path: &str) -> &'n Node<'n> {
    let (mut node, mut ty) = (root, Type::Struct(schema().fields));
    for part in path.split('.') {
        let (name, index) = part.strip_suffix(']').and_then(|p| p.split_once('[')).unwrap_or((part, ""));
        let (Node::Struct(nodes), Type::Struct(fields)) = (node, ty) else { panic!("{path} at {part}") };
        let position = fields.iter().position(|f| f.name == name).unwrap();
        (node, ty) = (&nodes[position], fields[position].ty);
        if let (false, Node::Array(nodes), Type::Array(element)) = (index.is_empty(), node, ty) {
            (node, ty) = (&nodes[index.parse::<usize>().unwrap()], *element);
        }
    }
    node.settled()
}

fn int(root: &Node<'_>, path: &str) -> i64 {
    if let Node::Int(i) = at(root, path) { *i } else { panic!("{path}: {:?}", at(root, path)) }
}

fn text(root: &Node<'_>, path: &str) -> String {
    if let Node::Str(s) = at(root, path) { String::from_utf8_lossy(s).into() } else { panic!("{path}") }
}

fn call<'a>(modules: &Modules<'a>, name: &str, args: &[Arg<'_>]) -> Option<Scalar<'a>> {
    let fits = |types: &[Type]| {
        types.len() == args.len()
            && types.iter().zip(args).all(|pair| {
                matches!(
                    pair,
                    (Type::Int, Arg::Int(_)) | (Type::Str, Arg::Str(_)) | (Type::Regex, Arg::Regex(_))
                )
            })
    };
    let id = schema().functions.iter().position(|f| f.name == name && fits(f.args)).expect("an overload");
    modules.call(module_id("pe").unwrap(), u16::try_from(id).unwrap(), args)
}

fn root<'m, 'a>(modules: &'m Modules<'a>) -> &'m Node<'a> {
    modules.root(module_id("pe").unwrap()).unwrap()
}

/// Panics where `node` is not laid out as the schema says.
fn conforms(node: &Node<'_>, ty: &Type) {
    match (node.settled(), ty) {
        (Node::Undefined, Type::Int | Type::Bool | Type::Str) => {}
        (Node::Int(_), Type::Int) | (Node::Bool(_), Type::Bool) | (Node::Str(_), Type::Str) => {}
        (Node::Struct(nodes), Type::Struct(fields)) => {
            assert_eq!(nodes.len(), fields.len());
            nodes.iter().zip(*fields).for_each(|(node, field)| conforms(node, &field.ty));
        }
        (Node::Array(nodes), Type::Array(element)) => nodes.iter().for_each(|node| conforms(node, element)),
        (Node::Map(pairs), Type::Map(value)) => pairs.iter().for_each(|(_, node)| conforms(node, value)),
        (node, ty) => panic!("{node:?} is no {ty:?}"),
    }
}

/// Reads everything; panics if something does, or is not laid out as the schema says.
fn read_all(data: &[u8]) {
    let modules = Modules::new(data, 0);
    conforms(root(&modules), &Type::Struct(schema().fields));
    call_all(&modules);
}

/// The names of functions that answer undefined.
fn call_all(modules: &Modules<'_>) -> Vec<&'static str> {
    let everything = |_: &[u8]| true;
    let mut undefined = Vec::new();
    for (id, function) in schema().functions.iter().enumerate() {
        let names: &[&[u8]] = match function.name {
            "section_index" => &[b".text"],
            "delayed_import_rva" => &[b"USER32.DLL", b"messageboxa"],
            "import_rva" if function.args == [Type::Str, Type::Int] => &[b"ws2_32.DLL"],
            "exports" | "exports_index" => &[b"first"],
            _ => &[b"kernel32.dll", b"SLEEP"],
        };
        let number = match function.name {
            "section_index" => i64::from(OFFSET),
            "rva_to_offset" => RVA.into(),
            "exports_index" => 5,
            "imports" => 3,
            "import_rva" => 115,
            "delayed_import_rva" => 7,
            _ => 0,
        };
        let mut names = names.iter();
        let arg = |ty: &Type| match ty {
            Type::Int => Arg::Int(number),
            Type::Regex => Arg::Regex(&everything),
            _ => Arg::Str(names.next().unwrap()),
        };
        let args: Vec<_> = function.args.iter().map(arg).collect();
        if modules.call(module_id("pe").unwrap(), u16::try_from(id).unwrap(), &args).is_none() {
            undefined.push(function.name);
        }
    }
    undefined
}

#[test]
fn headers_and_sections() {
    for wide in [true, false] {
        let data = executable(wide);
        let modules = Modules::new(&data, 0);
        let root = root(&modules);
        assert_eq!(at(root, "is_pe"), &Node::Bool(true));
        assert_eq!(int(root, "machine"), if wide { 0x8664 } else { 0x14c });
        assert_eq!(int(root, "opthdr_magic"), if wide { 0x20b } else { 0x10b });
        assert_eq!(int(root, "image_base"), if wide { 0x1_4000_0000 } else { 0x40_0000 });
        assert_eq!(
            at(root, "base_of_data"),
            &if wide { Node::Undefined } else { Node::Int(i64::from(RVA) + 0x800) }
        );
        assert_eq!(int(root, "entry_point_raw"), i64::from(RVA) + 0x10);
        assert_eq!(int(root, "entry_point"), i64::from(OFFSET) + 0x10);
        assert_eq!(int(root, "linker_version.minor"), 29);
        assert_eq!(int(root, "image_version.major"), 1);
        assert_eq!(int(root, "subsystem_version.minor"), 3);
        assert_eq!(int(root, "subsystem"), 3);
        assert_eq!(int(root, "dll_characteristics"), 0x8160);
        assert_eq!(int(root, "size_of_heap_reserve"), 0x20_0000);
        assert_eq!(int(root, "number_of_sections"), 2);
        assert_eq!(text(root, "sections[0].name"), ".text");
        assert_eq!(text(root, "sections[1].name"), "/4");
        assert_eq!(text(root, "sections[1].full_name"), ".gnu_debuglink");
        assert_eq!(int(root, "data_directories[6].size"), 28);
        assert_eq!(text(root, "pdb_path"), "C:\\sample.pdb");
        assert_eq!(int(root, "overlay.offset"), i64::from(OFFSET) + 0x1000);
        assert_eq!(call(&modules, "is_64bit", &[]), Some(Scalar::Bool(wide)));
        assert_eq!(call(&modules, "is_32bit", &[]), Some(Scalar::Bool(!wide)));
        assert_eq!(call(&modules, "is_dll", &[]), Some(Scalar::Bool(true)));
        assert_eq!(call(&modules, "section_index", &[Arg::Str(b"/4")]), Some(Scalar::Int(1)));
        assert_eq!(call(&modules, "section_index", &[Arg::Int(0)]), None);
    }
}

#[test]
fn addresses_are_mapped_as_loaders_do() {
    let data = executable(true);
    let modules = Modules::new(&data, 0);
    let offset = |rva| call(&modules, "rva_to_offset", &[Arg::Int(rva)]);
    assert_eq!(offset(0x10), Some(Scalar::Int(0x10)));
    assert_eq!(offset(i64::from(RVA)), Some(Scalar::Int(OFFSET.into())));
    assert_eq!(offset(i64::from(RVA) + 0xfff), Some(Scalar::Int(i64::from(OFFSET) + 0xfff)));
    // In memory only, in no section, no address at all.
    assert_eq!(offset(i64::from(RVA) + 0x1000), None);
    assert_eq!(offset(0x10_0000), None);
    assert_eq!(offset(-1), None);
    assert_eq!(offset(1 << 32), None);
    let cut = Modules::new(&data[..0x800], 0);
    assert_eq!(call(&cut, "rva_to_offset", &[Arg::Int(i64::from(RVA) + 0x3ff)]), Some(Scalar::Int(0x7ff)));
    assert_eq!(call(&cut, "rva_to_offset", &[Arg::Int(i64::from(RVA) + 0x400)]), None);
}

#[test]
fn imports() {
    for wide in [true, false] {
        let data = executable(wide);
        let modules = Modules::new(&data, 0);
        let root = root(&modules);
        assert_eq!(int(root, "number_of_imports"), 2);
        assert_eq!(int(root, "number_of_imported_functions"), 4);
        assert_eq!(text(root, "import_details[0].functions[1].name"), "Sleep");
        assert_eq!(
            int(root, "import_details[0].functions[1].rva"),
            i64::from(RVA) + 0x600 + if wide { 8 } else { 4 }
        );
        assert_eq!(text(root, "import_details[1].functions[0].name"), "WSAStartup");
        assert_eq!(text(root, "import_details[1].functions[1].name"), "ord999");
        assert_eq!(int(root, "import_details[1].functions[1].ordinal"), 999);
        assert_eq!(text(root, "delayed_import_details[0].library_name"), "user32.dll");

        let imports = |args: &[Arg<'_>]| call(&modules, "imports", args);
        let sleep = |name: &[u8]| name == b"Sleep";
        assert_eq!(imports(&[Arg::Str(b"kernel32.DLL")]), Some(Scalar::Int(2)));
        assert_eq!(imports(&[Arg::Str(b"kernel32.dll"), Arg::Str(b"exitprocess")]), Some(Scalar::Bool(true)));
        assert_eq!(imports(&[Arg::Str(b"ws2_32.dll"), Arg::Int(115)]), Some(Scalar::Int(1)));
        assert_eq!(imports(&[Arg::Str(b"user32.dll")]), Some(Scalar::Int(0)));
        assert_eq!(imports(&[Arg::Int(2), Arg::Str(b"user32.dll")]), Some(Scalar::Int(2)));
        assert_eq!(imports(&[Arg::Int(3), Arg::Str(b"ws2_32.dll"), Arg::Int(1)]), Some(Scalar::Bool(false)));
        assert_eq!(imports(&[Arg::Regex(&|n| !n.is_empty()), Arg::Regex(&sleep)]), Some(Scalar::Int(1)));
        let user32 = [Arg::Str(b"user32.dll"), Arg::Str(b"messageboxa")];
        assert_eq!(call(&modules, "delayed_import_rva", &user32), Some(Scalar::Int(i64::from(RVA) + 0x700)));
        assert_eq!(call(&modules, "import_rva", &user32), None);
        // MD5 of `kernel32.exitprocess,kernel32.sleep,ws2_32.wsastartup,ws2_32.ord999`.
        let hash = Scalar::Str(b"2fcf1b02576d1e27d9f55b4dbe37bf90".into());
        assert_eq!(call(&modules, "imphash", &[]), Some(hash));
    }
}

#[test]
fn exports() {
    let data = executable(false);
    let modules = Modules::new(&data, 0);
    let root = root(&modules);
    assert_eq!(text(root, "dll_name"), "sample.dll");
    assert_eq!(int(root, "number_of_exports"), 3);
    assert_eq!(text(root, "export_details[0].name"), "First");
    assert_eq!(int(root, "export_details[0].offset"), i64::from(OFFSET) + 0x20);
    assert_eq!(at(root, "export_details[1].name"), &Node::Undefined);
    assert_eq!(int(root, "export_details[2].ordinal"), 7);
    assert_eq!(text(root, "export_details[2].name"), "Forwarded");
    assert_eq!(text(root, "export_details[2].forward_name"), "other.Function");
    assert_eq!(at(root, "export_details[2].offset"), &Node::Undefined);
    assert_eq!(call(&modules, "exports", &[Arg::Str(b"FIRST")]), Some(Scalar::Bool(true)));
    assert_eq!(call(&modules, "exports", &[Arg::Int(8)]), Some(Scalar::Bool(false)));
    assert_eq!(call(&modules, "exports_index", &[Arg::Int(6)]), Some(Scalar::Int(1)));
    let forwarded = |name: &[u8]| name.starts_with(b"Fo");
    assert_eq!(call(&modules, "exports_index", &[Arg::Regex(&forwarded)]), Some(Scalar::Int(2)));
    assert_eq!(call(&modules, "exports_index", &[Arg::Str(b"none")]), None);
}

#[test]
fn resources_and_versions() {
    let data = executable(true);
    let modules = Modules::new(&data, 0);
    let root = root(&modules);
    assert_eq!(int(root, "number_of_resources"), 2);
    assert_eq!(int(root, "resource_version.major"), 2);
    assert_eq!(text(root, "resources[0].type_string"), "K\0I\0N\0D\0");
    assert_eq!(int(root, "resources[0].id"), 7);
    assert_eq!(int(root, "resources[1].type"), 16);
    assert_eq!(int(root, "resources[1].language"), 0x0c07);
    assert_eq!(text(root, "version_info_list[1].key"), "FileVersion");
    assert_eq!(text(root, "version_info_list[1].value"), "1.0");
    let Node::Map(map) = at(root, "version_info") else { panic!() };
    assert_eq!(map[0], (b"CompanyName".into(), Node::Str(b"Example".into())));
    assert_eq!(map.len(), 3);
    assert_eq!(call(&modules, "locale", &[Arg::Int(0x0409)]), Some(Scalar::Bool(true)));
    assert_eq!(call(&modules, "language", &[Arg::Int(7)]), Some(Scalar::Bool(true)));
    assert_eq!(call(&modules, "language", &[Arg::Int(-1)]), Some(Scalar::Bool(false)));
}

#[test]
fn rich_header() {
    let data = executable(true);
    let modules = Modules::new(&data, 0);
    let root = root(&modules);
    assert_eq!(int(root, "rich_signature.offset"), 0x80);
    assert_eq!(int(root, "rich_signature.key"), 0x1234_5678);
    assert_eq!(int(root, "rich_signature.tools[1].toolid"), 0x105);
    assert_eq!(at(root, "rich_signature.version_data"), &Node::bytes(b"\x89\x67\x04\x01\x89\x67\x05\x01"));
    assert!(text(root, "rich_signature.clear_data").starts_with("DanS"));
    let count = |name, args: &[i64]| {
        let args: Vec<_> = args.iter().map(|&i| Arg::Int(i)).collect();
        call(&modules, name, &args)
    };
    assert_eq!(count("rich_signature.toolid", &[0x104]), Some(Scalar::Int(7)));
    assert_eq!(count("rich_signature.version", &[0x6789]), Some(Scalar::Int(10)));
    assert_eq!(count("rich_signature.version", &[0x6789, 0x105]), Some(Scalar::Int(3)));
    assert_eq!(count("rich_signature.toolid", &[0x105, 1]), Some(Scalar::Int(0)));
}

#[test]
fn signatures() {
    let data = executable(true);
    let modules = Modules::new(&data, 0);
    let root = root(&modules);
    assert_eq!(int(root, "number_of_signatures"), 1);
    assert_eq!(text(root, "signatures[0].subject"), "/CN=Somebody");
    assert_eq!(text(root, "signatures[0].issuer"), "/CN=Authority");
    assert_eq!(text(root, "signatures[0].serial"), "00:fe:01");
    assert_eq!(text(root, "signatures[0].algorithm"), "sha256WithRSAEncryption");
    assert_eq!(text(root, "signatures[0].algorithm_oid"), "1.2.840.113549.1.1.11");
    assert_eq!(text(root, "signatures[0].thumbprint").len(), 40);
    assert_eq!(int(root, "signatures[0].version"), 3);
    assert_eq!(int(root, "signatures[0].not_before"), 1_577_836_800);
    assert_eq!(int(root, "signatures[0].not_after"), 1_893_456_000);
    assert_eq!(text(root, "signatures[0].digest_alg"), "sha256");
    assert_eq!(text(root, "signatures[0].digest"), "ab".repeat(32));
    assert_eq!(int(root, "signatures[0].number_of_certificates"), 3);
    assert_eq!(text(root, "signatures[0].signer_info.program_name"), "App");
    assert_eq!(text(root, "signatures[0].signer_info.more_info"), "https://example.org");
    assert_eq!(text(root, "signatures[0].signer_info.digest"), "efef");
    assert_eq!(text(root, "signatures[0].signer_info.chain[1].subject"), "/CN=Authority");
    assert_eq!(int(root, "signatures[0].signer_info.length_of_chain"), 2);
    assert_eq!(text(root, "signatures[0].countersignatures[0].digest"), "cdcd");
    assert_eq!(int(root, "signatures[0].countersignatures[0].length_of_chain"), 1);
    assert_eq!(int(root, "signatures[0].countersignatures[0].sign_time"), 1_609_459_200);
    assert_eq!(text(root, "signatures[0].countersignatures[0].chain[0].subject"), "/CN=Clock");
}

#[test]
fn every_field_and_function_of_the_schema_answers() {
    let data = executable(false);
    let modules = Modules::new(&data, 0);
    let Node::Struct(nodes) = root(&modules) else { panic!() };
    for (node, field) in nodes.iter().zip(schema().fields) {
        let nothing = match node {
            Node::Undefined => true,
            Node::Array(nodes) | Node::Struct(nodes) => nodes.is_empty() || nodes.contains(&Node::Undefined),
            Node::Map(pairs) => pairs.is_empty(),
            _ => false,
        };
        assert!(!nothing, "{}: {node:?}", field.name);
    }
    assert_eq!(call_all(&modules), [""; 0]);
}

#[test]
fn other_files_are_no_executables() {
    for data in [&b""[..], b"MZ", b"\x7fELF", &[0; 0x200], &executable(true)[1..]] {
        let modules = Modules::new(data, 0);
        assert_eq!(at(root(&modules), "is_pe"), &Node::Bool(false));
        assert_eq!(at(root(&modules), "number_of_sections"), &Node::Undefined);
        assert_eq!(at(root(&modules), "sections"), &Node::Array(Vec::new()));
        assert_eq!(call(&modules, "imports", &[Arg::Str(b"kernel32.dll")]), Some(Scalar::Int(0)));
        let function = [Arg::Str(b"kernel32.dll"), Arg::Str(b"Sleep")];
        assert_eq!(call(&modules, "imports", &function), Some(Scalar::Bool(false)));
        assert_eq!(call(&modules, "exports", &[Arg::Str(b"First")]), Some(Scalar::Bool(false)));
        assert_eq!(call(&modules, "is_dll", &[]), None);
        assert_eq!(call(&modules, "imphash", &[]), None);
        read_all(data);
    }
}

#[test]
fn checksums_add_every_carry_back() {
    let mut data = executable(true);
    let checksum = |data: &[u8]| match call(&Modules::new(data, 0), "calculate_checksum", &[]) {
        Some(Scalar::Int(sum)) => sum,
        other => panic!("{other:?}"),
    };
    // Word by word, without the field itself.
    let by_hand = |data: &[u8]| {
        let field = 0x100 + 24 + 64;
        let mut sum = 0u32;
        for (i, pair) in data.chunks(2).enumerate() {
            if !(field..field + 4).contains(&(2 * i)) {
                sum += u32::from(pair[0]) | u32::from(*pair.get(1).unwrap_or(&0)) << 8;
                sum = (sum & 0xffff) + (sum >> 16);
            }
        }
        i64::from(sum) + i64::try_from(data.len()).unwrap()
    };
    for tail in [&[][..], &[0xff; 4], &[0xff; 64], &[1], &[0xfe, 0xff, 0xff]] {
        data.extend(tail);
        assert_eq!(checksum(&data), by_hand(&data));
    }
}

#[test]
fn files_cut_anywhere_are_read() {
    let data = executable(false);
    (0..data.len()).rev().step_by(7).for_each(|end| read_all(&data[..end]));
}

#[test]
fn damaged_files_are_read() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    for round in 0..600 {
        let mut data = executable(round % 2 == 0);
        for _ in 0..=random(12) {
            let position = random(data.len());
            data[position] = [0, 0xff, 0x80, u8::try_from(random(256)).unwrap()][random(4)];
        }
        read_all(&data);
    }
}

#[test]
fn directories_that_contain_themselves_end() {
    let data = executable(true);
    let tree =
        usize::try_from(int(root(&Modules::new(&data, 0)), "data_directories[2].virtual_address")).unwrap();
    let mut data = data[..tree - RVA as usize + OFFSET as usize].to_vec();
    // Two directories of 64K entries: those of the first lead to the second, those of the second to itself.
    for _ in 0..2 {
        data.extend([0; 12]);
        data.extend([0, 0x80, 0, 0x80]);
        for _ in 0..0x1_0000 {
            data.extend([1, 0, 0, 0, 0x10, 0, 0x08, 0x80]);
        }
    }
    let size = u32::try_from(data.len()).unwrap().to_le_bytes();
    // The section's size in memory and in the file.
    let header = 0x100 + 24 + 240;
    data[header + 8..header + 12].copy_from_slice(&size);
    data[header + 16..header + 20].copy_from_slice(&size);
    // Without a budget this would take 2^48 steps.
    assert_eq!(int(root(&Modules::new(&data, 0)), "number_of_resources"), 0);
}
