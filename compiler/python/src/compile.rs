//! `hallmark.compile`.

use std::path::{Path, PathBuf};

use hallmark_compiler::{ExternalValue, Options};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};

use crate::database::Database;
use crate::message::{CompileError, Findings, unreadable};
use crate::rules::{Given, Rules, Unreadable, read};
use crate::value;

/// The namespace of rules for which none was given.
const DEFAULT_NAMESPACE: &str = "default";

/// Compiles rules to a database in memory.
///
/// >>> import hallmark
/// >>> db = hallmark.compile('rule big { condition: filesize > limit }', externals={"limit": 1000})
/// >>> [match.rule for match in db.scan(bytes(2000))]
/// ['big']
/// >>> db = hallmark.compile(pathlib.Path("rules"))        # every *.yar and *.yara file below the folder
///
/// source_or_path: an `os.PathLike` is a path, of a file or of a folder of rules; `bytes` are rules; a `str` is rules
///     too, unless it is a single line without `{` that names something that exists. `source` and `filepath` leave
///     no doubt. `sources` and `filepaths` map namespaces to rules and to paths. Exactly one of the five is
///     given.
/// namespace: of the rules, where it is not a key of these; "default" otherwise.
/// externals: external variables with their values, which are bool, int, float, str or bytes. Scans can give others of
///     the same types.
/// includes: whether `include` is allowed. It looks in the folder of the including file (for rules that are in no file,
///     the working directory), then in `include_dirs`, and never leaves these and the folders that are compiled.
/// ignore_invalid_rules: leaves out rules with errors; `rejected` of the database lists them.
/// relaxed_regex: lets escapes and braces without a meaning in regular expressions stand for themselves, as YARA does.
///
/// Raises `CompileError` when rules have errors or cannot be read: `str()` of it shows the errors with their places, and
/// its `diagnostics` has them one by one. Warnings are in `warnings` of the database.
#[pyfunction]
#[pyo3(
    signature = (
        source_or_path=None, namespace=None, externals=None, *, source=None, filepath=None, sources=None,
        filepaths=None, includes=true, include_dirs=None, ignore_invalid_rules=false, relaxed_regex=false,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "they are keyword arguments in Python")]
pub fn compile(
    py: Python<'_>,
    source_or_path: Option<Bound<'_, PyAny>>,
    namespace: Option<String>,
    externals: Option<Bound<'_, PyMapping>>,
    source: Option<Bound<'_, PyAny>>,
    filepath: Option<Bound<'_, PyAny>>,
    sources: Option<Bound<'_, PyMapping>>,
    filepaths: Option<Bound<'_, PyMapping>>,
    includes: bool,
    include_dirs: Option<Vec<Bound<'_, PyAny>>>,
    ignore_invalid_rules: bool,
    relaxed_regex: bool,
) -> PyResult<Database> {
    let options = Options {
        externals: value::externals(externals.as_ref())?.into_iter().map(declared).collect(),
        ignore_invalid_rules,
        relaxed_regex,
    };
    let include_dirs: Vec<PathBuf> =
        include_dirs.into_iter().flatten().map(|dir| value::path(&dir)).collect::<PyResult<_>>()?;
    let mut note = None;
    let mut rules = Vec::new();
    if let Some(given) = &source_or_path {
        let (given, doubt) = either(given)?;
        note = doubt;
        rules.push((None, given));
    }
    if let Some(given) = &source {
        rules.push((None, text(given, "<source>".to_owned())?));
    }
    if let Some(given) = &filepath {
        rules.push((None, Rules::Path(value::path(given)?)));
    }
    let single = rules.len();
    for (namespace, given) in value::items(sources.as_ref())? {
        let given = text(&given, format!("<source of {namespace}>"))?;
        rules.push((Some(namespace), given));
    }
    for (namespace, given) in value::items(filepaths.as_ref())? {
        rules.push((Some(namespace), Rules::Path(value::path(&given)?)));
    }
    if single + usize::from(sources.is_some()) + usize::from(filepaths.is_some()) != 1 {
        let message = "give exactly one of source_or_path, source, filepath, sources and filepaths";
        return Err(PyTypeError::new_err(message));
    }
    if namespace.is_some() && single == 0 {
        let message = "a namespace goes with rules of one; the keys of sources and filepaths are namespaces";
        return Err(PyTypeError::new_err(message));
    }
    let of = |own: Option<String>| own.or(namespace.clone()).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let given: Vec<Given> =
        rules.into_iter().map(|(own, rules)| Given { namespace: of(own), rules }).collect();
    if given.iter().any(|given| given.namespace.is_empty()) {
        return Err(PyValueError::new_err("the namespace is empty"));
    }
    run(py, given, &options, includes.then_some(include_dirs), note)
}

fn run(
    py: Python<'_>,
    given: Vec<Given>,
    options: &Options,
    include_dirs: Option<Vec<PathBuf>>,
    note: Option<&str>,
) -> PyResult<Database> {
    let compiled = py.detach(|| {
        let (sources, loader) = read(given, include_dirs).map_err(Failure::Unreadable)?;
        // Of its own, so that no thread is left behind: a process that has some cannot be forked safely.
        let pool = rayon::ThreadPoolBuilder::new().build().map_err(|e| Failure::Threads(e.to_string()))?;
        let compile = || hallmark_compiler::compile(sources, options, &loader, &mut |_| {});
        let mut compilation = pool.install(compile);
        let image = compilation.image.take();
        Ok((image, Findings::new(compilation)))
    });
    let (image, findings) = compiled.map_err(|failure| match failure {
        Failure::Unreadable(Unreadable { path, cause }) => unreadable(py, &path, cause),
        Failure::Threads(why) => PyRuntimeError::new_err(format!("cannot start threads: {why}")),
    })?;
    let Some(image) = image else { return Err(findings.error(py, note)?) };
    let database = py.detach(|| hallmark_runtime::Database::from_image_bytes(&image));
    let database = database.map_err(|error| CompileError::new_err(error.to_string()))?;
    Database::compiled(py, database, &findings)
}

enum Failure {
    Unreadable(Unreadable),
    Threads(String),
}

/// Rules, or a path; and what to say should they turn out to have errors.
fn either(given: &Bound<'_, PyAny>) -> PyResult<(Rules, Option<&'static str>)> {
    const NO_SUCH_PATH: &str = "this was taken for rules, because there is no file or folder of that name";
    if !given.is_instance_of::<PyString>() && !given.is_instance_of::<PyBytes>() {
        return Ok((Rules::Path(value::path(given)?), None));
    }
    let rules = || text(given, "<source>".to_owned());
    let Ok(line) = given.cast::<PyString>() else { return Ok((rules()?, None)) };
    // Names of files need not be UTF-8; `\n` and `{` are the same bytes in any case.
    let path: PathBuf = match line.extract() {
        Ok(path) => path,
        Err(_) => return Ok((rules()?, None)),
    };
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&b'\n') || bytes.contains(&b'{') {
        return Ok((rules()?, None));
    }
    if exists(&path) {
        return Ok((Rules::Path(path), None));
    }
    Ok((rules()?, Some(NO_SUCH_PATH)))
}

/// Whether something has this name, even if it may not be looked at.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn text(given: &Bound<'_, PyAny>, name: String) -> PyResult<Rules> {
    let text = match given.cast::<PyBytes>() {
        Ok(bytes) => bytes.as_bytes().to_vec(),
        Err(_) => given.extract::<String>()?.into_bytes(),
    };
    Ok(Rules::Text { name, text })
}

fn declared((name, value): (String, hallmark_runtime::ExternalValue)) -> (String, ExternalValue) {
    use hallmark_runtime::ExternalValue as Given;
    let value = match value {
        Given::Int(value) => ExternalValue::Int(value),
        Given::Float(value) => ExternalValue::Float(value),
        Given::Bool(value) => ExternalValue::Bool(value),
        Given::Str(value) => ExternalValue::Str(value),
    };
    (name, value)
}
