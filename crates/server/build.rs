//! Makes builds of the pages, of virtual backgrounds and of the guides reach the program that embeds them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for folder in
        ["../../web/call/dist", "../../web/background/dist", "../../web/dashboard/dist", "../../web/guides/dist"]
    {
        // Cargo would take a path that does not exist for one that changed, and compile this crate at every start. The build
        // in Node replaces the folder; version control ignores it. If it cannot be made, that is all that happens.
        let _ = std::fs::create_dir_all(folder);
        println!("cargo::rerun-if-changed={folder}");
    }
}
