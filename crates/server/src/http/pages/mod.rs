//! What is no operation of the API: pages, what they need, and files.

pub(crate) mod accept_certificate;
pub(crate) mod bucket_file;
pub(crate) mod call;
pub(crate) mod call_page;
pub(crate) mod embedded;
pub(crate) mod feedback;
pub(crate) mod guides;
pub(crate) mod info;
pub(crate) mod recording_files;
pub(crate) mod redirect;
pub(crate) mod trust;
pub(crate) mod virtual_background;
