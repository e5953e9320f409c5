//! The folders of temporary files.

use std::path::Path;

use weir_conf::{Config, Handler};

use super::PlanFault;

/// Creates the folders of temporary files (`ngx_create_paths`); `owner` is the workers' user.
pub fn create_temp_folders(config: &Config, owner: Option<(u32, u32)>) -> Result<(), PlanFault> {
    let Some(http) = &config.http else {
        return Ok(());
    };
    let mut done = std::collections::HashSet::new();
    for location in http.all_locations() {
        let settings = &location.settings;
        let mut wanted = vec![&settings.client_body_temp_path.path];
        if matches!(location.handler, Handler::Proxy(_)) {
            wanted.push(&settings.upstream.temp_path.path);
        }
        for path in wanted {
            if done.insert(path.clone()) {
                create_temp_folder(path, owner)?;
            }
        }
    }
    Ok(())
}

fn create_temp_folder(path: &Path, owner: Option<(u32, u32)>) -> Result<(), PlanFault> {
    use std::os::unix::fs::DirBuilderExt;
    let fault = |error: std::io::Error| PlanFault::TempFolder {
        path: path.to_owned(),
        errno: error.raw_os_error().unwrap_or(0),
    };
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(fault(error));
        }
        Ok(()) | Err(_) => {}
    }
    if let Some((user, group)) = owner {
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(fault)?;
    }
    Ok(())
}
