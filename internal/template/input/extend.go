package input

import (
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/merge"
)

// extendAll puts into each service what it extends (Compose: extends).
func (r *reader) extendAll() {
	services := r.stack.Root.Get("services")
	if services == nil || services.Kind != tree.Mapping {
		return
	}
	r.bases = map[string]*tree.Value{}
	done := make([]*tree.Value, len(services.Entries))
	for i, e := range services.Entries {
		done[i] = r.extended(e.Value, e.Key, services, "", nil)
	}
	for i := range done {
		services.Entries[i].Value = done[i]
	}
}

// extended is a service of the file, or of the stack itself, with what it extends.
func (r *reader) extended(v *tree.Value, name string, beside *tree.Value, file string, trail []string) *tree.Value {
	says := v.Get("extends")
	if says == nil {
		return v
	}
	plain := v.Clone()
	plain.Delete("extends")
	place := "services." + name + ": extends"
	trail = append(slices.Clone(trail), file+":"+name)
	base, from := says, ""
	if says.Kind == tree.Mapping {
		base = says.Get("service")
		if f := says.Get("file"); f.IsText() {
			from = f.Text
		}
	}
	if !base.IsText() {
		r.wrong(says.At.Position, place, "must be the name of a service, or a mapping such as {service: web, file: other.yml}")
		return plain
	}
	in := file
	if from != "" {
		in = from
		if !path.IsAbs(in) {
			in = path.Join(path.Dir(says.At.File), in)
		}
		if beside = r.base(in, says); beside == nil {
			return plain
		}
	}
	found := beside.Get(base.Text)
	switch {
	case found == nil:
		where := "the stack"
		if in != "" {
			where = in
		}
		r.wrong(base.At.Position, place, "there is no service %s in %s", base.Text, where)
		return plain
	case slices.Contains(trail, in+":"+base.Text):
		r.wrong(base.At.Position, place, "%s: a service cannot extend itself", strings.Join(namesOf(append(trail, in+":"+base.Text)), " -> "))
		return plain
	}
	return merge.Services(plain, r.extended(found, base.Text, beside, in, trail), true)
}

// namesOf are the services of a trail.
func namesOf(trail []string) []string {
	var all []string
	for _, one := range trail {
		all = append(all, one[strings.LastIndex(one, ":")+1:])
	}
	return all
}

// base are the services of another file.
func (r *reader) base(file string, says *tree.Value) *tree.Value {
	if services, known := r.bases[file]; known {
		return services
	}
	root := r.parse(file, says.At.Position)
	if root != nil {
		r.machine.Move(root, path.Dir(file), r.home)
	}
	services := root.Get("services")
	r.bases[file] = services
	return services
}
