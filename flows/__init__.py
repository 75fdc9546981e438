"""Where, when and how parallel the steps run: the Prefect side of a build."""
