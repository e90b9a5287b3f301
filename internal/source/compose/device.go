package compose

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// cdi is the name of a device that the engine has a description of (the Container
// Device Interface).
var cdi = regexp.MustCompile(`^[a-zA-Z][\w.-]*/[a-zA-Z][\w.-]*=.+$`)

// A deviceReader reads which of the host's devices a component may use.
type deviceReader struct{ *report }

// long writes the short forms out as long ones, and the long ones in full. The
// loader makes nothing of a short form with too many parts, and of permissions where
// it expects a target it makes a target.
func (r deviceReader) long(list []any) []any {
	long := []any{}
	for _, item := range list {
		if short, is := item.(string); is {
			item = longDevice(short)
		}
		if device, is := item.(map[string]any); is && !r.completes(device) {
			continue
		}
		long = append(long, item)
	}
	return long
}

// longDevice is the long form of SOURCE, SOURCE:TARGET, SOURCE:PERMISSIONS, as docker
// run has it, and SOURCE:TARGET:PERMISSIONS. Of anything else it is the text alone.
func longDevice(short string) map[string]any {
	parts := strings.Split(short, ":")
	switch {
	case cdi.MatchString(short), len(parts) > 3, slices.Contains(parts, ""):
		return map[string]any{"source": short}
	case len(parts) == 1:
		return map[string]any{"source": parts[0]}
	case len(parts) == 3:
		return map[string]any{"source": parts[0], "target": parts[1], "permissions": parts[2]}
	case strings.Trim(parts[1], "rwm") == "":
		return map[string]any{"source": parts[0], "permissions": parts[1]}
	}
	return map[string]any{"source": parts[0], "target": parts[1]}
}

// completes fills in what a device leaves out, and reports one whose paths are none.
func (r deviceReader) completes(device map[string]any) (ok bool) {
	source, isText := device["source"].(string)
	if !isText { // the loader has words for that
		return true
	}
	for key, value := range map[string]string{"target": source, "permissions": "rwm"} {
		if device[key] == nil {
			device[key] = value
		}
	}
	target, isText := device["target"].(string)
	if !isText || cdi.MatchString(source) || isDevicePath(source) && isDevicePath(target) {
		return true
	}
	r.wrong("devices", "%s must be %s, with paths that begin with /", Quote(source), forms["devices.0"])
	return false
}

// isDevicePath tells whether it can be a device, by the looks of it.
func isDevicePath(name string) bool { return path.IsAbs(name) && !strings.Contains(name, ":") }

// devices are the host's that the component may use, and a request for those that
// are given by the names of descriptions.
func devices(all []types.DeviceMapping) (devices []pod.Device, described []pod.DeviceRequest) {
	var names []string
	for _, d := range all {
		if cdi.MatchString(d.Source) {
			names = append(names, d.Source)
			continue
		}
		devices = append(devices, pod.Device{Source: d.Source, Target: d.Target, Permissions: d.Permissions})
	}
	if names != nil {
		described = []pod.DeviceRequest{{Driver: "cdi", IDs: names}}
	}
	return devices, described
}

// requests are the devices that are asked for by what they can do.
func requests(gpus, reserved []types.DeviceRequest) []pod.DeviceRequest {
	var all []pod.DeviceRequest
	for _, gpu := range gpus {
		if !slices.Contains(gpu.Capabilities, "gpu") {
			gpu.Capabilities = append(gpu.Capabilities, "gpu")
		}
		all = append(all, request(gpu))
	}
	for _, device := range reserved {
		all = append(all, request(device))
	}
	return all
}

func request(d types.DeviceRequest) pod.DeviceRequest {
	return pod.DeviceRequest{Driver: d.Driver, Count: int(d.Count), IDs: d.IDs, Capabilities: d.Capabilities, Options: d.Options}
}
