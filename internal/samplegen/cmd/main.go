// Command cmd writes the files of samples/ anew:
//
//	go run ./internal/samplegen/cmd -o samples
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/ticketetl/ticketetl/internal/samplegen"
)

func main() {
	dir := flag.String("o", "samples", "write the files into `FOLDER`")
	flag.Parse()
	if err := samplegen.Write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "samplegen:", err)
		os.Exit(1)
	}
}
