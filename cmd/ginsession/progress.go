package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A terminal is a file that a person looks at.
type terminal struct{ file *os.File }

// terminalOf returns the terminal that progress can be drawn on, if stderr is one.
func terminalOf(e *environment) (terminal, bool) {
	file, ok := e.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || e.getenv("TERM") == "dumb" {
		return terminal{}, false
	}
	return terminal{file}, true
}

// width returns the number of columns.
func (t terminal) width() int {
	if columns, _, err := term.GetSize(int(t.file.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// A progressBar shows how far a command has come, on a line that it draws over and over. A nil
// one shows nothing.
type progressBar struct {
	terminal terminal
	total    int64
}

// What terminals do (ECMA-48): back to the line's start, erase to its end.
const (
	lineStart = "\r"
	eraseLine = "\x1b[K"
)

func (b *progressBar) draw(done int64) {
	_, _ = io.WriteString(b.terminal.file, lineStart+b.line(done, b.terminal.width())+eraseLine)
}

func (b *progressBar) erase() {
	if b != nil {
		_, _ = io.WriteString(b.terminal.file, lineStart+eraseLine)
	}
}

// line is less than width columns wide: a full line would begin a new one on some terminals.
func (b *progressBar) line(done int64, width int) string {
	total := max(b.total, done) // sessions expire meanwhile
	percent := fmt.Sprintf("%3d%%", done*100/max(total, 1))
	counts := fmt.Sprintf("%s  %d of %d removed", percent, done, total)
	room := min(width-1-len("[]  ")-len(counts), 40)
	if room < 5 {
		return percent
	}
	filled := int(done * int64(room) / max(total, 1))
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", room-filled) + "]  " + counts
}
