package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// size prints the size of the terminal on stdin. It has none until somebody gives it one.
func size([]string) int {
	for {
		columns, rows, err := term.GetSize(int(os.Stdin.Fd()))
		if err != nil {
			return failed(err)
		}
		if rows > 0 {
			fmt.Println(rows, columns)
			return 0
		}
		time.Sleep(20 * time.Millisecond)
	}
}
