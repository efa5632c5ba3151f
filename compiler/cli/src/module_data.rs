//! `-x MODULE=FILE`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use hallmark_modules::ModuleData;
use serde::{Deserialize, Serialize};

use crate::escape;

/// Reports of other tools, for the modules that take some.
#[derive(Debug, Clone, clap::Args)]
pub struct ModuleDataArgs {
    /// Give a module a report about the file (cuckoo, androguard); repeat for several modules
    #[arg(short = 'x', long = "module-data", value_name = "MODULE=FILE")]
    module_data: Vec<Named>,
}

/// One of them as given on the command line.
#[derive(Debug, Clone)]
struct Named {
    module: &'static str,
    path: PathBuf,
}

/// A report, read but not parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The module it is for.
    module: String,
    /// Its path, as it is shown.
    path: String,
    /// Its bytes.
    #[serde(with = "crate::packed_bytes")]
    report: Vec<u8>,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (module, path) = text.split_once('=').ok_or("expected MODULE=FILE")?;
        let module = ModuleData::taker(module).map_err(|error| error.to_string())?;
        Ok(Named { module, path: path.into() })
    }
}

impl ModuleDataArgs {
    /// Reads and parses the reports.
    ///
    /// # Errors
    /// One cannot be read, is too long or damaged, or is not the only one of its module.
    pub fn read(&self) -> anyhow::Result<ModuleData> {
        parse(&self.given()?)
    }

    /// Reads the reports.
    ///
    /// # Errors
    /// One cannot be read, or is not the only one of its module.
    pub fn given(&self) -> anyhow::Result<Vec<Given>> {
        let mut given = Vec::new();
        for (i, Named { module, path }) in self.module_data.iter().enumerate() {
            if self.module_data.iter().take(i).any(|other| other.module == *module) {
                bail!("-x names module `{module}` twice; it takes one report");
            }
            let path_shown = escape::path(path);
            let mut report = Vec::new();
            // One byte more than is allowed shows that there are more.
            let read = File::open(path)
                .and_then(|file| file.take(ModuleData::MAX_BYTES.saturating_add(1)).read_to_end(&mut report));
            read.with_context(|| format!("cannot read {path_shown}, the report for module `{module}`"))?;
            given.push(Given { module: (*module).to_owned(), path: path_shown, report });
        }
        Ok(given)
    }
}

/// Parses reports.
///
/// # Errors
/// One is too long or damaged.
pub fn parse(given: &[Given]) -> anyhow::Result<ModuleData> {
    let mut data = ModuleData::default();
    for Given { module, path, report } in given {
        data.add(module, report).with_context(|| path.clone())?;
    }
    Ok(data)
}
