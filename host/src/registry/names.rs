//! What to say about a name that is not known.

use crate::error::Error;

/// "there is no model `x`; did you mean `y`?", or the list of what there is.
pub fn unknown_name<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let error = Error::usage(format!("there is no {kind} `{name}` in the registry"));
    if known.is_empty() {
        return error.help(format!("the registry lists no {kind} at all"));
    }
    error.help(nearest_or_list(name, &known))
}

/// "did you mean `y`?" where a known name is near, else the list of them.
pub fn nearest_or_list(name: &str, known: &[&str]) -> String {
    match near_miss(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are: {}", known.join(", ")),
    }
}

/// The known name that is most like this one, if any is like it at all.
pub fn near_miss<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, nearest)| nearest)
}
