package sql

import (
	"os"
	"strings"
)

// Compiled into the database/sql of a watched service: writes a line for every query.
func tenonQuery(query string) {
	text := strings.ToUpper(strings.TrimLeft(query, " \t\r\n("))
	if strings.HasPrefix(text, "SELECT") || strings.HasPrefix(text, "WITH") {
		os.Stderr.WriteString("[tenon] query\n")
	}
}
