#!/usr/bin/env python3
"""Checks the data in catalogue/ and makes from it what other parts need. Standard library only.

    generate.py CATALOGUE --c FILE      the tables that catalogue.c searches
    generate.py CATALOGUE --json FILE   every type complete: schema and example put together
    generate.py CATALOGUE --docs FILE   docs/event-types.md
    generate.py CATALOGUE --check FILE  fails when that document is not what --docs would write

An error names the file and the type, and the exit status is 1.
"""
import copy
import hashlib
import json
import os
import re
import sys
import uuid

SERVICES = ["transactions", "workflows", "governance", "wallets", "compliance", "balances", "staking", "settlement", "access", "system"]
ROLES = ["platform-admin", "admin", "engineering", "platform-operations", "treasury-operations", "reconciliation", "compliance-operations",
         "security", "internal-tooling", "viewer"]
ENVELOPE = ["id", "type", "version", "environment", "organisation", "service", "resource", "resource_seq", "stream_seq", "occurred_at",
            "created_at", "previous_status", "actor", "correlation_id", "client_reference", "data"]
GROUP_MEMBERS = {"resource", "lifecycle", "data", "readers", "version", "example", "types"}
TYPE_MEMBERS = {"name", "description", "state", "transaction", "may_lower", "requires", "legacy", "example"}
TRANSACTION_LIFECYCLES = {"outbound", "internal", "deposit"}


class Wrong(Exception):
    pass


def require(condition, where, what):
    if not condition:
        raise Wrong(f"{where}: {what}")


def load(root, name):
    def members(pairs):
        names = [key for key, _ in pairs]
        require(len(names) == len(set(names)), name, "the same member stands twice in one object: " + ", ".join(names))
        return dict(pairs)

    try:
        with open(os.path.join(root, name), encoding="utf-8") as file:
            return json.load(file, object_pairs_hook=members)
    except (OSError, ValueError) as problem:
        raise Wrong(f"{name}: {problem}") from problem


def merge(target, patch):
    """RFC 7396, but an empty patch member stays where the target has none: null is a value of the envelope."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        result[name] = merge(result.get(name), value)
    return result


def references(schema):
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref":
                yield value.removeprefix("#/$defs/")
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def used_definitions(root_name, definitions, where):
    used, waiting = set(), [root_name]
    while waiting:
        name = waiting.pop()
        require(name in definitions, where, f"no definition {name!r} in definitions.json")
        if name not in used:
            used.add(name)
            waiting.extend(references(definitions[name]))
    return {name: definitions[name] for name in definitions if name in used}


def property_of(name, member, definitions):
    """The schema of a definition's member, looked for in what it includes too; None when it has none."""
    definition = definitions[name]
    if member in definition.get("properties", {}):
        return definition["properties"][member]
    for part in definition.get("allOf", []):
        found = property_of(part["$ref"].removeprefix("#/$defs/"), member, definitions)
        if found is not None:
            return found
    return None


def check_lifecycles(data):
    lifecycles = {}
    for lifecycle in data["lifecycles"]:
        name = lifecycle["name"]
        where = f"lifecycles.json: {name}"
        states = {state["name"]: state for state in lifecycle["states"]}
        require(len(states) == len(lifecycle["states"]), where, "a state stands twice")
        require(name not in lifecycles, where, "stands twice")
        require(any(state.get("begins") for state in states.values()), where, "no state begins it")
        for state in states.values():
            require(set(state) <= {"name", "rank", "begins", "final", "exit", "moved_money", "next"}, where, f"unknown member in {state['name']}")
            for following in state.get("next", []):
                require(following in states and following != state["name"], where, f"{state['name']} cannot be followed by {following!r}")
        lifecycles[name] = lifecycle
    for status, state in data["platform_statuses"].items():
        require(state in {s["name"] for s in lifecycles["outbound"]["states"]}, "lifecycles.json", f"{status} stands for {state!r}, no state of outbound")
    return lifecycles


def state_names(lifecycle):
    return [state["name"] for state in lifecycle["states"]]


def check_definitions(definitions, lifecycles):
    """Where a definition lists the states of a lifecycle, it lists all of them."""
    def walk(name, schema):
        if isinstance(schema, dict):
            comment = schema.get("$comment", "")
            if comment.startswith("lifecycle "):
                lifecycle = comment.removeprefix("lifecycle ")
                require(lifecycle in lifecycles, f"definitions.json: {name}", f"no lifecycle {lifecycle!r}")
                require(set(schema["enum"]) == set(state_names(lifecycles[lifecycle])), f"definitions.json: {name}",
                        f"other states than lifecycle {lifecycle!r} has")
            for value in schema.values():
                walk(name, value)
        elif isinstance(schema, list):
            for value in schema:
                walk(name, value)

    for name, definition in definitions.items():
        used_definitions(name, definitions, f"definitions.json: {name}")
        walk(name, definition)


def moves_of(group, entry, lifecycles, where):
    own = (group["lifecycle"], entry["state"]) if "state" in entry else None
    require(own is None or "lifecycle" in group, where, "moves to a state, but its group has no lifecycle")
    transaction = (entry["transaction"]["lifecycle"], entry["transaction"]["state"]) if "transaction" in entry else None
    if transaction is None and group.get("lifecycle") in TRANSACTION_LIFECYCLES:
        transaction = own
    for move in (own, transaction):
        if move is not None:
            require(move[0] in lifecycles, where, f"no lifecycle {move[0]!r}")
            require(move[1] in state_names(lifecycles[move[0]]), where, f"lifecycle {move[0]!r} has no state {move[1]!r}")
    return own, transaction


def fixed_members(group, own, transaction, definitions):
    """Members of `data` that the moves determine."""
    fixed = {}
    has_case = property_of(group["data"], "case_status", definitions) is not None
    if own is not None:
        fixed["case_status" if has_case else "status"] = own[1]
    if transaction is not None:
        fixed["status"] = transaction[1]
    return {name: value for name, value in fixed.items() if property_of(group["data"], name, definitions) is not None}


def complete_example(base, group, entry, service, number, fixed, where):
    example = merge(base, merge(group.get("example", {}), entry.get("example", {})))
    digest = hashlib.sha256(entry["name"].encode()).digest()
    example.update(id=str(uuid.UUID(bytes=digest[:16], version=4)), type=entry["name"], version=group["version"], service=service)
    example["resource"]["type"] = group["resource"]
    example["stream_seq"] += number
    example["data"].update(fixed)
    require(list(example) == ENVELOPE, where, "the example has other members than the envelope: " + ", ".join(example))
    require(example["resource"]["id"], where, "the example names no resource")
    return example


def complete_type(file, service, group, entry, number, parts):
    where = f"{file}: {entry.get('name', 'a type without name')}"
    definitions, lifecycles, readers, base = parts
    require(set(entry) <= TYPE_MEMBERS, where, "unknown members: " + ", ".join(set(entry) - TYPE_MEMBERS))
    require(re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", entry.get("name", "")), where, "no dotted name")
    require(re.fullmatch(r"[A-Z][^\n|]*\.", entry.get("description", "")), where, "the description is not a sentence")
    require(group["readers"] in readers, where, f"no entry {group['readers']!r} in readers.json")
    require("lifecycle" not in group or group["lifecycle"] in lifecycles, where, f"no lifecycle {group.get('lifecycle')!r}")
    own, transaction = moves_of(group, entry, lifecycles, where)
    used = used_definitions(group["data"], definitions, where)
    for member in entry.get("requires", []):
        require(property_of(group["data"], member, definitions) is not None, where, f"requires {member!r}, which {group['data']!r} does not have")
    fixed = fixed_members(group, own, transaction, definitions)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": entry["name"], "description": entry["description"],
              "$ref": "#/$defs/" + group["data"]}
    if entry.get("requires"):
        schema["required"] = entry["requires"]
    if fixed:
        schema["properties"] = {name: {"const": value} for name, value in fixed.items()}
    schema["$defs"] = used
    example = complete_example(base, group, entry, service, number, fixed, where)
    for member in entry.get("requires", []):
        require(member in example["data"], where, f"the example has no {member!r}")
    return {"name": entry["name"], "service": service, "description": entry["description"], "version": group["version"],
            "resource": group["resource"], "lifecycle": group.get("lifecycle"), "state": own[1] if own else None,
            "transaction": list(transaction) if transaction else None, "may_lower": entry.get("may_lower", False),
            "readers": [role for role in ROLES if role in readers[group["readers"]]["roles"]], "legacy": entry.get("legacy", []),
            "schema": schema, "example": example}


def read_catalogue(root):
    life = load(root, "lifecycles.json")
    lifecycles = check_lifecycles(life)
    definitions = load(root, "definitions.json")["$defs"]
    check_definitions(definitions, lifecycles)
    readers = load(root, "readers.json")
    for name, entry in readers.items():
        require(set(entry["roles"]) <= set(ROLES), f"readers.json: {name}", "unknown role")
    parts = (definitions, lifecycles, readers, load(root, "example.json"))
    services, types, names = [], [], set()
    for service in SERVICES:
        file = service + ".json"
        data = load(root, file)
        require(data["service"] == service, file, f"says service {data['service']!r}")
        services.append({"name": service, "description": data["description"], "always_on": data.get("always_on", False)})
        for group in data["groups"]:
            require(set(group) <= GROUP_MEMBERS, file, "unknown members in a group: " + ", ".join(set(group) - GROUP_MEMBERS))
            for entry in group["types"]:
                complete = complete_type(file, service, group, entry, len(types), parts)
                for name in [complete["name"], *complete["legacy"]]:
                    require(name not in names, f"{file}: {complete['name']}", f"{name} stands twice")
                    names.add(name)
                types.append(complete)
    return {"services": services, "types": types, "lifecycles": list(lifecycles.values()), "statuses": life["platform_statuses"],
            "readers": readers, "envelope": {"$ref": "#/$defs/envelope", "$defs": used_definitions("envelope", definitions, "definitions.json")}}


def c_string(text):
    """A literal in pieces: no escape runs into the next character, and lines stay readable."""
    escaped = "".join(c if 32 <= ord(c) < 127 and c not in '"\\?' else "\\" + c if c in '"\\?' else "".join(f"\\{b:03o}" for b in c.encode())
                      for c in text)
    pieces, at = [], 0
    while at < len(escaped):
        end = min(at + 100, len(escaped))
        while end < len(escaped) and "\\" in escaped[end - 4:end]:
            end += 1
        pieces.append(f'"{escaped[at:end]}"')
        at = end
    return "\n\t\t".join(pieces) or '""'


def c_slice(text):
    return "{NULL, 0}" if text is None else f"{{{c_string(text)}, {len(text.encode())}}}"


def c_list(name, items):
    return f"{{(struct slice *){name}, {len(items)}}}" if items else "{NULL, 0}"


def c_flag(value):
    return "true" if value else "false"


def write_lists(out, types):
    for number, entry in enumerate(types):
        if entry["legacy"]:
            out.append(f"static const struct slice legacy_{number}[] = {{{', '.join(c_slice(name) for name in entry['legacy'])}}};")
    kinds = sorted({tuple(entry["readers"]) for entry in types})
    for number, roles in enumerate(kinds):
        out.append(f"static const struct slice readers_{number}[] = {{{', '.join(c_slice(role) for role in roles)}}};")
    return kinds


def write_types(out, types):
    kinds = write_lists(out, types)
    out.append("const struct catalogue_type catalogue_types[] = {")
    for number, entry in enumerate(types):
        lifecycle = entry["lifecycle"]
        transaction = entry["transaction"] or (None, None)
        if entry["resource"] == "transaction":
            transaction = (lifecycle, transaction[1])
        compact = {"separators": (",", ":"), "ensure_ascii": False}
        readers = c_list(f"readers_{kinds.index(tuple(entry['readers']))}", entry["readers"])
        out.append("\t{" + f".name = {c_slice(entry['name'])}, .service = {c_slice(entry['service'])}, .version = {c_slice(entry['version'])},")
        out.append(f"\t .description = {c_slice(entry['description'])}, .resource_kind = {c_slice(entry['resource'])},")
        out.append(f"\t .lifecycle = {c_slice(lifecycle)}, .state = {c_slice(entry['state'])},")
        out.append(f"\t .transaction_lifecycle = {c_slice(transaction[0])}, .transaction_state = {c_slice(transaction[1])},")
        out.append(f"\t .may_lower = {c_flag(entry['may_lower'])}, .readers = {readers},")
        out.append(f"\t .legacy_names = {c_list(f'legacy_{number}', entry['legacy'])},")
        out.append(f"\t .schema_json = {c_slice(json.dumps(entry['schema'], **compact))},")
        out.append(f"\t .example_json = {c_slice(json.dumps(entry['example'], **compact))}" + "},")
    out.append("};")
    out.append(f"const size_t catalogue_type_count = {len(types)};")


def write_indexes(out, types):
    by_name = sorted((entry["name"].encode(), number) for number, entry in enumerate(types))
    by_legacy = sorted((name.encode(), number) for number, entry in enumerate(types) for name in entry["legacy"])
    for label, index in (("name", by_name), ("legacy", by_legacy)):
        rows = ", ".join(f"{{{c_slice(name.decode())}, {number}}}" for name, number in index)
        out.append(f"const struct catalogue_index catalogue_by_{label}[] = {{{rows}}};")
        out.append(f"const size_t catalogue_by_{label}_count = {len(index)};")


def write_lifecycles(out, lifecycles, statuses):
    for number, lifecycle in enumerate(lifecycles):
        names = state_names(lifecycle)
        out.append(f"static const struct catalogue_state states_{number}[] = {{")
        for state in lifecycle["states"]:
            final = state.get("final") or state.get("exit")
            out.append(f"\t{{.name = {c_slice(state['name'])}, .rank = {state['rank']}, .final = {c_flag(final)}, .exit = {c_flag(state.get('exit'))}, "
                       f".begins = {c_flag(state.get('begins'))}, .moved_money = {c_flag(state.get('moved_money'))}}},")
        out.append("};")
        moves = [(at, names.index(to)) for at, state in enumerate(lifecycle["states"]) for to in state.get("next", [])]
        out.append(f"static const struct catalogue_move moves_{number}[] = {{{', '.join(f'{{{a}, {b}}}' for a, b in moves)}}};")
    out.append("const struct catalogue_lifecycle catalogue_lifecycles[] = {")
    for number, lifecycle in enumerate(lifecycles):
        out.append(f"\t{{{c_slice(lifecycle['name'])}, {c_slice(lifecycle['description'])}, states_{number}, COUNT_OF(states_{number}), "
                   f"moves_{number}, COUNT_OF(moves_{number})}},")
    out.append("};")
    out.append(f"const size_t catalogue_lifecycles_count = {len(lifecycles)};")
    rows = ", ".join(f"{{{c_slice(status)}, {c_slice(state)}}}" for status, state in statuses.items())
    out.append(f"const struct catalogue_status catalogue_statuses[] = {{{rows}}};")
    out.append(f"const size_t catalogue_status_count = {len(statuses)};")


def make_c(catalogue):
    out = ["/* Made by src/catalogue/generate.py from catalogue/. */", '#include "catalogue/tables.h"', "",
           "/* A slice list has no const form; nobody writes through a borrowed one. Schemas are longer than ISO C promises. */",
           '#pragma GCC diagnostic ignored "-Wcast-qual"', '#pragma GCC diagnostic ignored "-Woverlength-strings"', ""]
    write_types(out, catalogue["types"])
    write_indexes(out, catalogue["types"])
    write_lifecycles(out, catalogue["lifecycles"], catalogue["statuses"])
    services = catalogue["services"]
    out.append(f"static const struct slice services[] = {{{', '.join(c_slice(service['name']) for service in services)}}};")
    out.append(f"const struct slice_list catalogue_service_list = {c_list('services', services)};")
    on = [service["name"] for service in services if service["always_on"]]
    out.append(f"static const struct slice always_on[] = {{{', '.join(c_slice(name) for name in on)}}};")
    out.append(f"const struct slice_list catalogue_always_on_list = {c_list('always_on', on)};")
    return "\n".join(out) + "\n"


def make_docs(catalogue):
    out = ["# Event types", "", "Made from `catalogue/`; change it there, then run `src/catalogue/generate.py catalogue --docs docs/event-types.md`.", "",
           f"{len(catalogue['types'])} types in {len(catalogue['services'])} services. A service is what an organisation has enabled or not; `system` is always on.",
           "The schema and an example of every type are in the portal and under `GET /api/v1/event-type/{name}`.", ""]
    for service in catalogue["services"]:
        out += [f"## {service['name']}", "", service["description"], "", "| type | what happened | moves | legacy names |", "|---|---|---|---|"]
        for entry in catalogue["types"]:
            if entry["service"] == service["name"]:
                moves = [f"{entry['lifecycle']}: {entry['state']}"] if entry["state"] else []
                if entry["transaction"] and entry["transaction"] != [entry["lifecycle"], entry["state"]]:
                    moves.append(": ".join(entry["transaction"]))
                legacy = ", ".join(f"`{name}`" for name in entry["legacy"])
                out.append(f"| `{entry['name']}` | {entry['description']} | {', '.join(moves)} | {legacy} |")
        kinds = {}
        for entry in catalogue["types"]:
            if entry["service"] == service["name"]:
                kinds.setdefault(", ".join(entry["readers"]), []).append(entry["name"])
        out.append("")
        for roles, names in kinds.items():
            who = "every role" if roles == ", ".join(ROLES) else roles
            out.append(f"Read by {who}" + ("." if len(kinds) == 1 else ": " + ", ".join(f"`{name}`" for name in names) + "."))
        out.append("")
    out += ["## Lifecycles", "", "A state with a lower rank that comes later does not move anything, unless its type says that it may (a reorganisation, a replacement, an exit).", ""]
    for lifecycle in catalogue["lifecycles"]:
        out += [f"### {lifecycle['name']}", "", lifecycle["description"], "", "| state | rank | may be followed by |", "|---|---|---|"]
        for state in lifecycle["states"]:
            kind = " (exit)" if state.get("exit") else " (final)" if state.get("final") else ""
            out.append(f"| {state['name']}{kind} | {state['rank']} | {', '.join(state.get('next', []))} |")
        out.append("")
    out += ["## Who may read", ""]
    out += [f"- **{name}**: {', '.join(entry['roles'])}. {entry['why']}" for name, entry in catalogue["readers"].items()]
    return "\n".join(out) + "\n"


def main(arguments):
    if len(arguments) != 4 or arguments[2] not in ("--c", "--json", "--docs", "--check"):
        print(__doc__, file=sys.stderr)
        return 2
    root, mode, file = arguments[1:]
    try:
        catalogue = read_catalogue(root)
    except Wrong as problem:
        print(f"catalogue: {problem}", file=sys.stderr)
        return 1
    text = {"--c": make_c, "--json": lambda c: json.dumps(c, indent=1) + "\n", "--docs": make_docs, "--check": make_docs}[mode](catalogue)
    if mode == "--check":
        with open(file, encoding="utf-8") as current:
            if current.read() != text:
                print(f"catalogue: {file} is not up to date: run generate.py {root} --docs {file}", file=sys.stderr)
                return 1
        return 0
    with open(file, "w", encoding="utf-8") as output:
        output.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
