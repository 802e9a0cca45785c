namespace NativeXent.Tests.Support;

/// <summary>The repository that the tests were built in.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string Version { get; } = File.ReadAllText(Path("VERSION")).Trim();

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "NativeXent.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} has NativeXent.sln.");
    }
}
