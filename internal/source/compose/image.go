package compose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"github.com/podlike/podlike/internal/pod"
)

// An imageReader reads which image a component is made of, for which platform, and when it is
// pulled.
type imageReader struct{ *report }

// image checks that the engine can read the image's name.
func (r imageReader) image(image string) string {
	if image == "" {
		return ""
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		r.wrong("image", "%s is no image reference such as nginx:1.27: %s", Quote(image), strings.TrimPrefix(err.Error(), "invalid reference format: "))
	}
	return image
}

// aliases are names that some give to architectures.
var aliases = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "armhf": "arm"}

// platform is the platform by the names that engines have for it.
func (r imageReader) platform(given string) string {
	if given == "" {
		return ""
	}
	parts := strings.Split(strings.ToLower(given), "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		r.mustBe("platform", forms["platform"], given)
		return ""
	}
	parts[1] = cmp.Or(aliases[parts[1]], parts[1])
	return strings.Join(parts, "/")
}

// pull says when the component's image is pulled, nothing if the service does not say.
func (r imageReader) pull(policy string) pod.Pull {
	switch policy {
	case types.PullPolicyIfNotPresent:
		return pod.Missing
	case "", string(pod.Missing), string(pod.Always), string(pod.Never):
		return pod.Pull(policy)
	case types.PullPolicyBuild:
		if r.lenient {
			r.doubt("pull_policy", "no image is built here; it is pulled where it is missing")
			return pod.Missing
		}
		r.wrong("pull_policy", "build is not supported in a pod; %s", ownImage)
		return ""
	}
	switch _, _, err := (types.ServiceConfig{ContainerSpec: types.ContainerSpec{PullPolicy: policy}}).GetPullPolicy(); {
	case err == nil && r.lenient:
		r.doubt("pull_policy", "when an image was pulled last is not known here; with %s it is pulled at each start of the pod", policy)
		return pod.Always
	case err == nil:
		r.wrong("pull_policy", "%s is not supported in a pod; use always, missing or never", Quote(policy))
	default:
		r.mustBe("pull_policy", forms["pull_policy"], policy)
	}
	return ""
}
