# What `packer init images/amazon-ebs/plugins` installs for a Packer of today. In a folder of its own, as Packer 1.6.6,
# which has these inside, doesn't know the block.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = "~> 1.1"
    }
  }
}
