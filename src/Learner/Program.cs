using Recsys.Learner.CommandLine;

return await LearnerCommandLine.RunAsync(args, Console.Out, Console.Error);
