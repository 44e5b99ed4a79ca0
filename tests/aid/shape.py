# SPDX-License-Identifier: Apache-2.0
"""Holds a value against the part of JSON Schema that the interface's description uses."""

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"type", "properties", "required", "items", "additionalProperties", "description", "format", "enum", "default"}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(schema, value, at="answer"):
    """What doesn't fit, as texts. A member that the schema doesn't name is a fault, too."""
    if set(schema) - KNOWN:
        return [f"{at}: the schema has {set(schema) - KNOWN}"]
    names = schema.get("type")
    names = names if isinstance(names, list) else [names] if names else []
    if names and not any(is_type(value, n) for n in names):
        return [f"{at}: {str(value)[:60]!r} is no {'|'.join(names)}"]
    found = []
    if isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        found += [f"{at}: {n} is missing" for n in schema.get("required", []) if n not in value]
        for name, member in value.items():
            if name in properties:
                found += faults(properties[name], member, f"{at}.{name}")
            elif more is not None:
                found += faults(more, member, f"{at}.{name}")
            else:
                found.append(f"{at}: {name} is not described")
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value[:200]):
            found += faults(schema["items"], item, f"{at}[{i}]")
    return found[:5]
