package tools

// runs returns what each name of the catalogue does.
func runs() map[string]runFunc {
	m := map[string]runFunc{"kill": kill, "true": succeed, "false": fail}
	for _, c := range []*command{
		ip(), ifconfig(), ss(), ping(), nc(), forge(), await(),
		sysctl(), hostname(), env(), sleep(), date(), uname(), id(),
	} {
		m[c.name] = c.run
	}
	for name, f := range fileTools() {
		m[name] = f
	}
	return m
}
