//! Makes a build of the call page reach the program that embeds it.

fn main() {
    let page = "../../web/call/dist";
    // Cargo would take a path that does not exist for one that changed, and compile this crate at every start. The page's
    // build replaces the folder; version control ignores it. If it cannot be made, that is all that happens.
    let _ = std::fs::create_dir_all(page);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={page}");
}
