import{p as a,q as b}from"./chunk-6UM7L47Y.js";import"./chunk-LLMY2EFP.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
