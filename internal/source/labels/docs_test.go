package labels_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// lifePage shows what can be said of a component's life.
const lifePage = "../../../docs/life.md"

// examples are the blocks of YAML on the page.
func examples(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(lifePage)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, block[1])
	}
	if len(blocks) == 0 {
		t.Fatal("the page has no example")
	}
	return blocks
}

func TestEachExampleOnThePageIsAPod(t *testing.T) {
	for _, text := range examples(t) {
		var said map[string]string
		if err := yaml.Unmarshal([]byte(text), &said); err != nil {
			t.Errorf("%v in\n%s", err, text)
			continue
		}
		if _, err := labels.Read(said, none); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

// knownKeys are those that x-pod can have, and what is in them, by what the reader says
// when it is given one that it does not know.
func knownKeys(t *testing.T, within string) []string {
	t.Helper()
	definition := "nobody: 1"
	for _, key := range slices.Backward(strings.Fields("x-pod " + within)) {
		definition = key + ": {" + definition + "}"
	}
	definition = strings.NewReplacer(
		"ports: {nobody: 1}", "ports: [{nobody: 1}]",
		"Rules: {nobody: 1}", "Rules: [{nobody: 1}]",
		"Rules: {exitCodes: {nobody: 1}}", "Rules: [{exitCodes: {nobody: 1}}]",
		"Headers: {nobody: 1}", "Headers: [{nobody: 1}]",
	).Replace(definition)
	_, err := labels.Read(map[string]string{"pod.component.a": "image: b\n" + definition}, none)
	if err == nil {
		t.Fatalf("%s: any key is taken", definition)
	}
	_, list, found := strings.Cut(err.Error(), "known are ")
	if !found {
		t.Fatalf("%s: %v", definition, err)
	}
	list, _, _ = strings.Cut(list, "\n")
	return strings.Split(list, ", ")
}

func TestThePageHasAnExampleOfEachKeyOfXPod(t *testing.T) {
	all := strings.Join(examples(t), "\n")
	for _, within := range []string{
		"", "ports", "restartPolicyRules", "restartPolicyRules exitCodes", "livenessProbe", "livenessProbe httpGet", "livenessProbe httpGet httpHeaders",
		"livenessProbe tcpSocket", "livenessProbe grpc", "livenessProbe exec", "lifecycle", "lifecycle preStop", "lifecycle preStop sleep",
	} {
		for _, key := range knownKeys(t, within) {
			if !regexp.MustCompile(`\b` + key + `:`).MatchString(all) {
				t.Errorf("x-pod %s: %s is in no example", within, key)
			}
		}
	}
	for _, key := range []string{pod.InitComponents, pod.StopGracePeriod, pod.RestartBackoff, pod.UnreadyMeans} {
		if !strings.Contains(all, key+":") {
			t.Errorf("%s is in no example", key)
		}
	}
}
