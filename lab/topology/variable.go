package topology

import (
	"regexp"

	"github.com/compose-spec/compose-go/v2/template"
	"github.com/goccy/go-yaml/ast"
)

// variable is $NAME or ${NAME}, which has no default. "$$" is a dollar.
var variable = regexp.MustCompile(`\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// unset returns a problem for each variable in a value that has no default and
// is not in env. Compose puts nothing in its place and carries on; a lab that
// is not what the file's author meant proves nothing.
func (s *source) unset(env map[string]string) []error {
	var problems []error
	for _, d := range s.docs {
		scalars(d, func(n ast.Node) {
			for _, name := range unsetIn(scalar(n), env) {
				at := Pos{File: s.file, Line: lineOf(n)}
				problems = append(problems, problem(at, "the variable %s is not set: set it, or give it a value for that case, ${%s:-value}", name, name))
			}
		})
	}
	return problems
}

func unsetIn(text string, env map[string]string) []string {
	missing := map[string]bool{} // -> whether it is asked for
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if name := m[1] + m[2]; name != "" {
			if _, ok := env[name]; !ok {
				missing[name] = false
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var names []string
	lookup := func(name string) (string, bool) {
		if asked, ok := missing[name]; ok {
			if !asked {
				names = append(names, name)
			}
			missing[name] = true
			return "", true
		}
		v, ok := env[name]
		return v, ok
	}
	template.Substitute(text, lookup) // a wrong ${...} is compose-go's to report
	return names
}
