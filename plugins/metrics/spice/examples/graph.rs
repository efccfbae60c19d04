//! Prints the scene graph of each line of standard input: `cargo run -p spice --example graph < captions.txt`.

fn main() {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let graph = spice::parse(&line);
        println!(
            "{line}\n  objects {:?}\n  attributes {:?}\n  relations {:?}",
            graph.objects, graph.attributes, graph.relations
        );
    }
}
