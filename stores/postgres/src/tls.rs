//! TLS to the server: rustls, with the machine's own trust or a file of certificates.

use std::path::Path;
use std::sync::Arc;

use paysluice::store::StoreErrorKind;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::errors::{Failure, Outcome};

/// A connector that verifies the server's certificate and name.
pub(crate) fn connector(roots: Option<&Path>) -> Outcome<MakeRustlsConnect> {
    let refused = |why: String| Failure::new(StoreErrorKind::Refused, format!("TLS to the store: {why}"));
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?;
    let config = match roots {
        None => builder.with_platform_verifier().map_err(|error| refused(error.to_string()))?.with_no_client_auth(),
        Some(path) => {
            let named = |why: String| refused(format!("{}: {why}", path.display()));
            builder.with_root_certificates(read(path).map_err(named)?).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn read(path: &Path) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        store.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    if store.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        let told = |path: &Path| format!("{:?}", connector(Some(path)).err().expect("no certificate"));
        assert!(told(&file).contains("ca.pem"));
        std::fs::write(&file, "nothing").unwrap();
        assert!(told(&file).contains("no certificate in it"));
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&file, certified.cert.pem()).unwrap();
        assert!(connector(Some(&file)).is_ok());
    }
}
