package lesson

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schema and the parser agree on every front matter that a schema can
// judge.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("lesson.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("lesson.json")
	if err != nil {
		t.Fatal(err)
	}
	for header, ok := range map[string]bool{
		"title: T": true,
		"title: T\nlab: {laptop: 192.168.5.10/24}":                                    true,
		"lab: {laptop: [192.168.5.10/24, fd00:5::10/64], guinness: 192.168.5.130/24}": false, // both networks, or none
		"lab: {laptop: [192.168.5.10/24, 'fd00:5::10/64']}":                           true,
		"lab: compose.yaml":                                   true,
		"title: T\ntimeout: 10s":                              true,
		"title: T\ntimeout: 1m30s":                            true,
		"title: T\ntimeout: soon":                             false,
		"title: T\ntimeout: ''":                               false,
		"title: T\npatterns: {word: '[a-z]+'}":                true,
		"title: T\npatterns: {word2: '[a-z]+'}":               false,
		"title: T\npatterns: {port: '[0-9]+'}":                false,
		"title: T\npatterns: {word: ''}":                      false,
		"title: ''":                                           false,
		"titel: T":                                            false,
		"lab: {}":                                             false,
		"lab: {laptop: 192.168.5.10}":                         false,
		"lab: {laptop: 192.168.5.10/24, lap_top: 10.0.0.1/8}": false,
		"lab: {laptop: []}":                                   false,
		"lab: {laptop: {ip: 192.168.5.10/24}}":                false,
	} {
		_, err := Parse("lesson.md", []byte("---\n"+header+"\n---\n"))
		if (err == nil) != ok {
			t.Errorf("%q: the parser says %v; want ok %v", header, err, ok)
		}
		var value any
		if err := yaml.Unmarshal([]byte(header), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != ok && !strings.Contains(header, "guinness") {
			t.Errorf("%q: the schema says %v; want ok %v", header, err, ok)
		}
	}
	names := doc.(map[string]any)["properties"].(map[string]any)["patterns"].(map[string]any)["propertyNames"].(map[string]any)["not"].(map[string]any)["enum"].([]any)
	for _, word := range slices.Sorted(maps.Keys(builtin)) {
		if !slices.Contains(names, any(word)) {
			t.Errorf("the schema lets a lesson define {%s}, which is built in", word)
		}
	}
	if len(names) != len(builtin) {
		t.Errorf("the schema has %d built-in types; want %d", len(names), len(builtin))
	}
}
