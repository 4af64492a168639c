package lesson

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of a lesson's front matter, for
// editors. What it accepts Parse may still refuse: that an expression is one,
// that hosts fit on one network.
//
//go:embed frontmatter.schema.json
var Schema []byte
