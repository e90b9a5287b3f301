package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// touch makes a file, at once or later.
func touch(args []string) int {
	time.Sleep(duration(args, "after"))
	if err := os.WriteFile(word(args, 0), nil, 0o644); err != nil {
		return failed(err)
	}
	return 0
}

// link puts a link into the place of a file or a directory.
func link(args []string) int {
	if err := errors.Join(os.RemoveAll(word(args, 0)), os.Symlink(word(args, 1), word(args, 0))); err != nil {
		return failed(err)
	}
	return 0
}

// exists tells by its exit code whether a file is there.
func exists(args []string) int {
	if _, err := os.Stat(word(args, 0)); err != nil {
		return failed(err)
	}
	return 0
}

// wait waits until a file is there.
func wait(args []string) int {
	for {
		if _, err := os.Stat(word(args, 0)); err == nil {
			return 0
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// cat prints files.
func cat(args []string) int {
	for _, name := range args {
		content, err := os.ReadFile(name)
		if err != nil {
			return failed(err)
		}
		os.Stdout.Write(content)
	}
	return 0
}

// stat prints what there is to know of files.
func stat(args []string) int {
	for _, name := range args {
		line, err := describe(name)
		if err != nil {
			return failed(err)
		}
		fmt.Println(line)
	}
	return 0
}

// describe is the line that stat prints of a file.
func describe(name string) (string, error) {
	seen, err := os.Lstat(name)
	if err != nil {
		return "", err
	}
	owner := seen.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%v %d %d %d %s", seen.Mode(), owner.Uid, owner.Gid, seen.Size(), name), nil
}
