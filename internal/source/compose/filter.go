package compose

import (
	"maps"
	"slices"
	"strings"
)

// A filter lets those keys of a service through that are to be loaded.
type filter struct {
	*report
	nameless bool // components do not find each other by name
}

// accepts tells whether the key is to be loaded, and reports it when it may not be there.
func (f filter) accepts(name string, line int, value any) bool {
	known := Keys[name]
	switch {
	case known.Use == Supported:
		return true
	case f.lenient && known.Use != Unknown:
		f.ignore(name, known, value)
	case known.Use == Rejected:
		f.wrong(name, "not supported in a pod; %s", known.Note)
	case known.Use == Unknown && !isExtension(name):
		f.wrong(at(line)+name, "unknown key%s", didYouMean(name, serviceKeys(), "; no Compose service has it"))
	}
	return false
}

// deploy is the part of a service's deploy that is to be loaded.
func (f filter) deploy(all map[string]any) map[string]any {
	left := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, known := Keys["deploy."+name]; !known || f.accepts("deploy."+name, 0, all[name]) {
			left[name] = all[name]
		}
	}
	return left
}

// ignore warns of a key of a Compose file that does nothing. What is so in a pod anyway is no news.
func (f filter) ignore(name string, known Key, value any) {
	text, _ := value.(string)
	different, names := naming(name, value)
	switch what := instead(name, text); {
	case isPods(name, text), names && different == "" && !f.nameless:
	case names && !f.nameless:
		f.doubt(name, "%s", different)
	case what != "":
		f.doubt(name, "%s is ignored: %s", text, what)
	default:
		f.doubt(name, "makes no sense in a pod and is ignored; %s", known.Note)
	}
}

// isPods tells whether a key says of a namespace what is so in a pod: that others share it.
func isPods(name, value string) bool {
	switch name {
	case "network_mode", "pid":
		return strings.HasPrefix(value, "service:")
	case "ipc":
		return strings.HasPrefix(value, "service:") || value == "shareable"
	}
	return false
}

// instead tells what a component has in place of a namespace that it asks for, and what to
// do if that will not do. It is nothing for what changes nothing.
func instead(name, value string) string {
	switch name + ": " + value {
	case "network_mode: host":
		return "the component has the pod's network and not the host's, and only ports that the service publishes are reached from outside; " +
			"give the supervisor the host's network if the pod needs it"
	case "network_mode: none":
		return "the component is not cut off, for the whole pod shares one network; run it as a service of its own if it has to be"
	case "pid: host":
		return "the component sees the pod's processes and not the host's; run it as a service of its own if it needs those"
	case "ipc: host":
		return "the component shares memory with the pod and not with the host; run it as a service of its own if it needs that"
	case "ipc: private", "ipc: none":
		return "the components of a pod share IPC; run the supervisor with -ipc=false if that is not meant"
	}
	return ""
}

// serviceKeys are the keys that a service can have, and ours.
func serviceKeys() []string {
	keys := slices.Collect(maps.Keys(Keys))
	return append(slices.DeleteFunc(keys, func(key string) bool { return strings.Contains(key, ".") }), extensionKey)
}
