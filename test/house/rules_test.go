// Package house holds the tests of the house itself: how its text is written and where
// what is. They read the tree and need no engine.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// root is the tree's, seen from this package.
const root = "../.."

// The rules' numbers. A room that outgrows its own is to be divided, not its number raised.
const (
	longestLine     = 160  // characters, in Go and Markdown
	longestFunction = 60   // lines, from func to its last brace
	mostMethods     = 30   // of a type, or in an interface
	longestLoop     = 1300 // lines of package supervise, without its tests
)

// loop is the package that joins all others and would grow if nobody looked.
const loop = "internal/supervise"

// A row of a table is one line, in Markdown and in tests, and a text is as long as it is.
func TestNoLineIsTooLong(t *testing.T) {
	checked := 0
	for _, file := range files(t, ".go", ".md") {
		data := dataLines(t, file)
		number := 0
		for line := range strings.Lines(read(t, file)) {
			number++
			if data[number] || filepath.Ext(file) == ".md" && strings.HasPrefix(line, "|") {
				continue
			}
			checked++
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > longestLine {
				t.Errorf("%s:%d: %d characters, at most %d are easy to read", place(file), number, n, longestLine)
			}
		}
	}
	if checked == 0 {
		t.Error("there are no lines")
	}
}

// dataLines are the numbers of a test's lines that are in a literal of several lines.
func dataLines(t *testing.T, file string) map[int]bool {
	t.Helper()
	if !strings.HasSuffix(file, "_test.go") {
		return nil
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	data := map[int]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CompositeLit, *ast.BasicLit:
			first, last := fset.Position(n.Pos()).Line, fset.Position(n.End()).Line
			for line := first; first < last && line <= last; line++ {
				data[line] = true
			}
		}
		return true
	})
	return data
}

func TestNoFunctionIsTooLong(t *testing.T) {
	checked := 0
	eachFile(t, func(fset *token.FileSet, _ string, f *ast.File) {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			checked++
			from := fset.Position(fn.Pos())
			if lines := fset.Position(fn.End()).Line - from.Line + 1 - rows(fset, fn); lines > longestFunction {
				t.Errorf("%s:%d: %s has %d lines, at most %d fit on a screen", place(from.Filename), from.Line, fn.Name, lines, longestFunction)
			}
		}
	})
	if checked == 0 {
		t.Error("there are no functions")
	}
}

// rows are how many lines of a test are those of its tables. In a program there are none.
func rows(fset *token.FileSet, fn *ast.FuncDecl) (lines int) {
	if !strings.HasSuffix(fset.Position(fn.Pos()).Filename, "_test.go") {
		return 0
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		if table, ok := n.(*ast.CompositeLit); ok {
			lines += fset.Position(table.End()).Line - fset.Position(table.Pos()).Line
			return false // what is in it is counted
		}
		return true
	})
	return lines
}

func TestNoTypeHasTooManyMethods(t *testing.T) {
	count := map[string]int{}
	eachFile(t, func(_ *token.FileSet, dir string, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil {
					count[dir+"."+receiver(n.Recv.List[0].Type)]++
				}
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok {
					count[dir+"."+n.Name.Name] += i.Methods.NumFields()
				}
			}
			return true
		})
	})
	for name, methods := range count {
		if methods > mostMethods {
			t.Errorf("%s has %d methods, want at most %d: what has more is not one thing", name, methods, mostMethods)
		}
	}
	if len(count) == 0 {
		t.Error("there are no types with methods")
	}
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

func TestTheLoopStaysSmall(t *testing.T) {
	lines := 0
	for _, file := range files(t, ".go") {
		if filepath.ToSlash(filepath.Dir(place(file))) == loop && !strings.HasSuffix(file, "_test.go") {
			lines += strings.Count(read(t, file), "\n")
		}
	}
	if lines == 0 || lines > longestLoop {
		t.Errorf("%s has %d lines, want some, and at most %d", loop, lines, longestLoop)
	}
}

// eachFile parses every Go file and passes it on with its folder.
func eachFile(t *testing.T, do func(fset *token.FileSet, dir string, f *ast.File)) {
	t.Helper()
	for _, file := range files(t, ".go") {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		do(fset, filepath.ToSlash(filepath.Dir(place(file))), f)
	}
}

// files are those of the tree with one of the extensions, but for what a build makes.
func files(t *testing.T, extensions ...string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".git") || place(path) == "build") {
			return filepath.SkipDir
		}
		for _, extension := range extensions {
			if !d.IsDir() && filepath.Ext(path) == extension {
				all = append(all, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// place is a file as it is called from the root.
func place(file string) string {
	name, err := filepath.Rel(root, file)
	if err != nil {
		return file
	}
	return name
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
