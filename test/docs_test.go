package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the tree's, seen from this package.
const root = ".."

// fence is a fenced block of a Markdown file: its language and its text.
var fence = regexp.MustCompile("(?ms)^```(\\w*)\\n(.*?)^```$")

// lifePage has examples of labels, which a test of the reader takes.
var lifePage = filepath.Join(root, "docs", "life.md")

// What documents show is run by a test: a block of YAML is part of an example, which
// the tests in deploy/demo bring up and down as make demo does, and a command is a
// target of the Makefile.
func TestDocumentsShowOnlyWhatIsRun(t *testing.T) {
	examples, targets := exampleFiles(t), makeTargets(t)
	blocks := 0
	for _, file := range markdownFiles(t) {
		for _, block := range fence.FindAllStringSubmatch(read(t, file), -1) {
			blocks++
			switch language, text := block[1], block[2]; language {
			case "yaml":
				if file != lifePage && !partOfAny(text, examples) {
					t.Errorf("%s shows YAML that is in no example:\n%s", file, text)
				}
			case "sh":
				for line := range strings.Lines(text) {
					target, ok := strings.CutPrefix(strings.TrimSpace(line), "make ")
					if !ok || !targets[target] {
						t.Errorf("%s shows a command that nobody runs: %s", file, line)
					}
				}
			case "text": // a picture
			default:
				t.Errorf("%s has a block in %q, which nothing runs:\n%s", file, language, text)
			}
		}
	}
	if blocks == 0 {
		t.Error("there is no block in any document")
	}
}

// link is one to somewhere else in the tree: the file, and the heading in it.
var link = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	for _, file := range markdownFiles(t) {
		for _, found := range link.FindAllStringSubmatch(read(t, file), -1) {
			to := file
			if found[1] != "" {
				to = filepath.Join(filepath.Dir(file), found[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if found[2] != "" && !slices.Contains(headings(t, to), found[2]) {
				t.Errorf("%s: %s has no heading %s", file, to, found[2])
			}
		}
	}
}

// headings are those of a document, as links have them.
func headings(t *testing.T, file string) (all []string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(read(t, file), -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(found[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// markdownFiles are all documents of the tree.
func markdownFiles(t *testing.T) []string { return filesUnder(t, root, ".md") }

// exampleFiles are the texts of all stacks.
func exampleFiles(t *testing.T) []string {
	var texts []string
	for _, file := range filesUnder(t, filepath.Join(root, "deploy"), ".yml") {
		texts = append(texts, read(t, file))
	}
	return texts
}

func filesUnder(t *testing.T, dir, ext string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".git") {
			return filepath.SkipDir
		}
		if err == nil && filepath.Ext(path) == ext {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func partOfAny(part string, texts []string) bool {
	for _, text := range texts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// makeTargets are the targets that the Makefile explains.
func makeTargets(t *testing.T) map[string]bool {
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(read(t, filepath.Join(root, "Makefile")), -1) {
		targets[m[1]] = true
	}
	return targets
}
