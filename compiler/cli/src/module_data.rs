//! `-x MODULE=FILE`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use hallmark_modules::ModuleData;

use crate::escape;

/// Reports of other tools, for the modules that take some.
#[derive(Debug, Clone, clap::Args)]
pub struct ModuleDataArgs {
    /// Give a module a report about the file (cuckoo, androguard); repeat for several modules
    #[arg(short = 'x', long = "module-data", value_name = "MODULE=FILE")]
    module_data: Vec<Given>,
}

/// One of them as given on the command line.
#[derive(Debug, Clone)]
struct Given {
    module: &'static str,
    path: PathBuf,
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (module, path) = text.split_once('=').ok_or("expected MODULE=FILE")?;
        let module = ModuleData::taker(module).map_err(|error| error.to_string())?;
        Ok(Given { module, path: path.into() })
    }
}

impl ModuleDataArgs {
    /// Reads the reports.
    ///
    /// # Errors
    /// One cannot be read, is too long or damaged, or is not the only one of its module.
    pub fn read(&self) -> anyhow::Result<ModuleData> {
        let mut data = ModuleData::default();
        for (i, Given { module, path }) in self.module_data.iter().enumerate() {
            if self.module_data.iter().take(i).any(|other| other.module == *module) {
                bail!("-x names module `{module}` twice; it takes one report");
            }
            let shown = escape::path(path);
            let mut report = Vec::new();
            // One byte more than is allowed shows that there are more.
            let read = File::open(path)
                .and_then(|file| file.take(ModuleData::MAX_BYTES.saturating_add(1)).read_to_end(&mut report));
            read.with_context(|| format!("cannot read {shown}, the report for module `{module}`"))?;
            data.add(module, &report).with_context(|| shown.clone())?;
        }
        Ok(data)
    }
}
