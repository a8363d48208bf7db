package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do        string
	Value     json.RawMessage
	Path      string
	Megabytes int
	Text      string
	Message   string
	Status    int
	Ms        int
	Bytes     int
}

var counter int

func handler(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "echo":
		return e.Value, nil
	case "context":
		return describe(ctx), nil
	case "environment":
		variables := map[string]string{}
		for _, entry := range os.Environ() {
			name, value, _ := strings.Cut(entry, "=")
			variables[name] = value
		}
		return variables, nil
	case "process":
		directory, err := os.Getwd()
		return map[string]any{"directory": directory, "uid": os.Getuid(), "gid": os.Getgid(), "pid": os.Getpid()}, err
	case "write":
		return write(e.Path, e.Megabytes) == nil, nil
	case "exists":
		_, err := os.Stat(e.Path)
		return err == nil, nil
	case "remove":
		return nil, os.Remove(e.Path)
	case "count":
		counter++
		return counter, nil
	case "say":
		fmt.Println("out: " + e.Text)
		fmt.Fprintln(os.Stderr, "err: "+e.Text)
		return nil, nil
	case "fail":
		return nil, errors.New(e.Message)
	case "panic":
		panic(e.Message)
	case "exit":
		os.Exit(e.Status)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case "sleep":
		time.Sleep(time.Duration(e.Ms) * time.Millisecond)
		return lambdacontext.LogStreamName, nil
	case "large":
		return strings.Repeat("x", e.Bytes), nil
	}
	return nil, errors.New("unknown event")
}

func describe(ctx context.Context) map[string]any {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	described := map[string]any{
		"requestId":       lc.AwsRequestID,
		"functionArn":     lc.InvokedFunctionArn,
		"remainingMs":     time.Until(deadline).Milliseconds(),
		"functionName":    lambdacontext.FunctionName,
		"functionVersion": lambdacontext.FunctionVersion,
		"memoryMb":        lambdacontext.MemoryLimitInMB,
		"logGroup":        lambdacontext.LogGroupName,
		"logStream":       lambdacontext.LogStreamName,
		"clientContext":   nil,
		"identity":        nil,
		"traceId":         os.Getenv("_X_AMZN_TRACE_ID"),
	}
	if len(lc.ClientContext.Custom) > 0 {
		described["clientContext"] = map[string]any{"custom": lc.ClientContext.Custom}
	}
	if lc.Identity.CognitoIdentityID != "" {
		described["identity"] = map[string]string{
			"cognitoIdentityId":     lc.Identity.CognitoIdentityID,
			"cognitoIdentityPoolId": lc.Identity.CognitoIdentityPoolID,
		}
	}
	return described
}

func write(path string, megabytes int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1024*1024)
	for range megabytes {
		if _, err := file.Write(block); err != nil {
			return err
		}
	}
	return nil
}

type streamed struct {
	Texts   []string
	Fail    bool
	Gate    int
	Times   int
	Body    string // of a request to a function URL: the event itself
	Prelude *events.LambdaFunctionURLStreamingResponse
}

// streaming returns what is read while it is being written; between the first two texts it waits for a gate to open.
func streaming(_ context.Context, e streamed) (any, error) {
	if e.Body != "" {
		if err := json.Unmarshal([]byte(e.Body), &e); err != nil {
			return nil, err
		}
	}
	reader, writer := io.Pipe()
	go func() {
		for i, text := range e.Texts {
			if i == 1 && e.Gate != 0 {
				waitFor(e.Gate)
			}
			_, _ = io.WriteString(writer, strings.Repeat(text, max(1, e.Times)))
		}
		if e.Fail {
			_ = writer.CloseWithError(errors.New("mid"))
		}
		_ = writer.Close()
	}()
	if e.Prelude != nil {
		e.Prelude.Body = reader
		return e.Prelude, nil
	}
	return reader, nil
}

func waitFor(gate int) {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", gate))
	if err == nil {
		_, _ = io.ReadAll(connection)
		_ = connection.Close()
	}
}

func main() {
	switch os.Getenv("SCENARIO_INIT") {
	case "fail":
		panic("init failed")
	case "exit":
		os.Exit(3)
	case "sleep":
		time.Sleep(20 * time.Second)
	case "say":
		fmt.Println("said in init")
	}
	if size, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); size != lambdacontext.MemoryLimitInMB {
		panic("the client read another memory size")
	}
	if os.Getenv("_HANDLER") == "app.streaming" {
		lambda.Start(streaming)
	}
	lambda.Start(handler)
}
