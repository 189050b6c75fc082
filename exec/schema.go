package exec

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Schema is the JSON schema (draft 2020-12) of a --json line, made from the result
// structs: docs/result.schema.json.
func Schema() string {
	kinds := map[string]any{}
	var branches []any
	for _, r := range Kinds() {
		kinds[r.Kind()] = structSchema(reflect.TypeOf(r))
		branches = append(branches, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": r.Kind()}}, "required": []string{"kind"}},
			"then": map[string]any{"properties": map[string]any{"result": map[string]any{"$ref": "#/$defs/" + r.Kind()}}},
		})
	}
	kinds["number"] = map[string]any{"oneOf": []any{
		map[string]any{"type": "number"}, map[string]any{"enum": []string{"nan", "inf", "-inf"}},
	}}
	var codes []string
	for _, o := range outcomes {
		codes = append(codes, o.name)
	}
	codes = slices.Compact(slices.Sorted(slices.Values(append(codes, outcomeOf(fmt.Errorf("any")).name))))
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "one line of fp4tui run --json",
		"type":    "object",
		"properties": map[string]any{
			"v": map[string]any{"const": schemaVersion}, "cmd": map[string]any{"type": "string"},
			"kind": map[string]any{"enum": slices.Sorted(maps.Keys(without(kinds, "number")))},
			"ok":   map[string]any{"type": "boolean"}, "elapsed_ms": map[string]any{"type": "number"},
			"result": map[string]any{"type": "object"},
			"error": map[string]any{"type": "object", "additionalProperties": false, "required": []string{"code", "message"}, "properties": map[string]any{
				"code": map[string]any{"enum": codes}, "message": map[string]any{"type": "string"}, "hint": map[string]any{"type": "string"},
			}},
		},
		"required": []string{"v", "cmd", "ok"}, "additionalProperties": false, "allOf": branches, "$defs": kinds,
	}
	text, err := json.MarshalIndent(schema, "", " ")
	if err != nil {
		panic(fmt.Sprintf("exec: schema: %v", err))
	}
	return string(text) + "\n"
}

func without(m map[string]any, key string) map[string]any {
	m = maps.Clone(m)
	delete(m, key)
	return m
}

// structSchema describes one struct: every field, those without omitempty required.
func structSchema(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	addFields(t, properties, &required)
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func addFields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			addFields(f.Type, properties, required)
		case name == "-" || !f.IsExported():
		default:
			properties[name] = typeSchema(f.Type)
			if !strings.Contains(options, "omitempty") {
				*required = append(*required, name)
			}
		}
	}
}

func typeSchema(t reflect.Type) map[string]any {
	if t == reflect.TypeFor[Float]() || t == reflect.TypeFor[Float32]() {
		return map[string]any{"$ref": "#/$defs/number"}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Array:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Struct:
		return structSchema(t)
	case reflect.Pointer: // left out when nil
		return typeSchema(t.Elem())
	}
	panic(fmt.Sprintf("exec: a result holds a %s, which has no schema", t))
}
