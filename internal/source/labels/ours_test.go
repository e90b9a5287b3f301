package labels_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/source/labels"
)

// A component whose label is misspelt would be left out without a word, and with a VPN the
// others would talk in the clear.
func TestAMisspeltLabelIsRefusedWithTheRightOne(t *testing.T) {
	for label, want := range map[string]string{
		"pod.componnet.vpn":       "pod.component.<name>",
		"pod.componet.vpn":        "pod.component.<name>",
		"pod.compoment.vpn":       "pod.component.<name>",
		"pod.comopnetn.vpn":       "pod.component.<name>",
		"pods.component.a":        "pod.component.<name>",
		"pdo.component.a.b":       "pod.component.<name>",
		"Pod.Component.a":         "pod.component.<name>",
		"pod.component":           "pod.component.<name>",
		"pod.components.a":        "pod.component.<name>",
		"pod_component_vpn":       "pod.component.<name>",
		"pod-component.vpn":       "pod.component.<name>",
		"podcomponent.vpn":        "pod.component.<name>",
		"pod.cpoy.vpn":            "pod.copy.<name>",
		"pod.copys.vpn":           "pod.copy.<name>",
		"pood.copy.vpn":           "pod.copy.<name>",
		"pod.inti.components":     "pod.init.components",
		"pod.init.component":      "pod.init.components",
		"pod.int.componets":       "pod.init.components",
		"pod.initcomponents":      "pod.init.components",
		"pod.init_components":     "pod.init.components",
		"pod.unredy":              "pod.unready",
		"pd.unready":              "pod.unready",
		"pod.compsoe.file":        "pod.compose.file",
		"pod.compose.flie":        "pod.compose.file",
		"pod.composefile":         "pod.compose.file",
		"pod.sotp_grace_period":   "pod.stop_grace_period",
		"pods.stop_grace_perod":   "pod.stop_grace_period",
		"pod.stop-grace-period":   "pod.stop_grace_period",
		"pod.restart_back_off":    "pod.restart_backoff",
		"pod.retsart_backoff":     "pod.restart_backoff",
		"pods.restart_backof":     "pod.restart_backoff",
		"POD.RESTART_BACKOFF":     "pod.restart_backoff",
		"pod.compose":             "pod.compose.file",
		"pod.stop_grace_periods.": "pod.stop_grace_period",
	} {
		_, err := labels.Read(map[string]string{"pod.component.a": "{image: b}", label: "c"}, none)
		if err == nil || !strings.Contains(err.Error(), "did you mean "+want+"?") || !labels.IsOurs(label) || labels.IsForeign(label) {
			t.Errorf("%s: %v, ours %v", label, err, labels.IsOurs(label))
		}
	}
}

// What somebody else may have written is left alone.
func TestLabelsOfOthersAreLeftAlone(t *testing.T) {
	for label, foreign := range map[string]bool{
		"pod": false, "pods": false, "pod.": true, "pod.name": true, "pod.network": true, "pod.hostname.web": true, "Pod.Owner": true,
		"com.example.pod.component.a": false, "podlike.pod": false, "component.a": false, "traefik.enable": false,
		"io.kubernetes.pod.name": false, "com.docker.compose.project": false, "prometheus.copy": false, "pod.conference.x": true,
	} {
		read, err := labels.Read(map[string]string{"pod.component.a": "{image: b}", label: "c"}, none)
		if err != nil || len(read.Components) != 1 || labels.IsOurs(label) || labels.IsForeign(label) != foreign {
			t.Errorf("%s: %v, ours %v, foreign %v", label, err, labels.IsOurs(label), labels.IsForeign(label))
		}
	}
}
