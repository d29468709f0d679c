//! Parameters as clients give them: numbers and switches may also stand in texts, and a number may end with an `F`, as the
//! documentation of the original writes them.

use serde_json::Value;

/// Whatever stands there, as text.
pub(super) fn text(params: &Value, name: &str) -> Result<String, String> {
    match params.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(switch)) => Ok(switch.to_string()),
        Some(_) => Err(format!("'{name}' must be a text")),
        None => Err(format!("'{name}' is missing")),
    }
}

/// A number.
pub(super) fn number(params: &Value, name: &str) -> Result<f64, String> {
    let given = text(params, name)?;
    leading_number(&given).ok_or_else(|| format!("'{name}' must be a number, and is '{given}'"))
}

/// A switch; without it, `default`.
pub(super) fn switch(params: &Value, name: &str, default: bool) -> Result<bool, String> {
    if params.get(name).is_none() {
        return Ok(default);
    }
    let given = text(params, name)?;
    given.parse().map_err(|_| format!("'{name}' must be true or false, and is '{given}'"))
}

/// Of a text that is a number, with an `F` after it or not.
pub(super) fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = text.strip_suffix(['f', 'F']).unwrap_or(text);
    // Not "inf".
    let starts =
        number.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit() || first == '.');
    number.parse::<f64>().ok().filter(|number| starts && number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_out_of_texts() {
        let params = json!({"a": "-0.2F", "b": 1.6, "c": "12", "d": "x", "e": "inf", "f": null, "g": ".5f"});
        let read = |name| number(&params, name).ok();
        assert_eq!(["a", "b", "c", "g"].map(read), [Some(-0.2), Some(1.6), Some(12.0), Some(0.5)]);
        assert_eq!(["d", "e", "f", "h"].map(read), [None; 4]);
        assert_eq!(number(&params, "d"), Err("'d' must be a number, and is 'x'".to_owned()));
        assert_eq!(number(&params, "h"), Err("'h' is missing".to_owned()));
    }
}
